import { describe, expect, it } from '@jest/globals';
import { badPartnerUrl, lookupPublic } from './partner-address.js';

describe('the address of a partner', () => {
  it.each([
    'https://partner.example.kz',
    'https://partner.example.kz/qamqor',
    'https://partner.example.kz:443/a',
    'https://94.247.128.1/',
  ])('may be %s', (url) => {
    expect(badPartnerUrl(url)).toBeNull();
  });

  it.each([
    'http://partner.example.kz',
    'https://partner.example.kz:22',
    'https://user:pass@partner.example.kz',
    'https://partner.example.kz/?a=1',
    'https://partner.example.kz/#a',
    'ftp://partner.example.kz',
    'file:///etc/passwd',
    'partner.example.kz',
    '',
    'http://localhost:4000',
    'https://127.0.0.1',
    'https://127.1',
    'https://0x7f.1',
    'https://2130706433',
    'https://017700000001',
    'https://0.0.0.0',
    'https://10.0.0.1',
    'https://172.16.0.1',
    'https://192.168.1.1',
    'https://100.64.0.1',
    'https://169.254.169.254',
    'https://[::1]',
    'https://[::]',
    'https://[::ffff:127.0.0.1]',
    'https://[64:ff9b::7f00:1]',
    'https://[fe80::1]',
    'https://[fd00::1]',
    'https://[2002:7f00:1::]',
    'HTTPS://127.0.0.1',
  ])('is not %s', (url) => {
    expect(badPartnerUrl(url)).toEqual(expect.any(String));
  });

  it('may be on this machine when simulated partners are let in, and nowhere else by http', () => {
    for (const url of ['http://127.0.0.1:4100/atameken', 'http://localhost:4100', 'http://[::1]:4100'])
      expect(badPartnerUrl(url, { loopback: true })).toBeNull();
    for (const url of ['http://10.0.0.1:4100', 'http://partner.example.kz', 'http://127.0.0.2:4100'])
      expect(badPartnerUrl(url, { loopback: true })).toEqual(expect.any(String));
  });
});

describe('the look-up of a name', () => {
  it.each([true, false])('refuses a name that leads to this machine (all: %s)', async (all) => {
    const error = await new Promise((resolve) => lookupPublic('localhost', { all }, resolve));
    expect(error).toMatchObject({ code: 'NOT_PUBLIC' });
  });

  it('says when there is no such name', async () => {
    const error = await new Promise((resolve) => lookupPublic('no-such-partner.invalid', { all: true }, resolve));
    expect(error).toMatchObject({ code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) });
  });
});
