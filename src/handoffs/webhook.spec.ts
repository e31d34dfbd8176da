import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { checkedSecret, sign, verify, type WebhookSecret } from './webhook.js';

const OURS = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const NEW = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
const OTHERS = `whsec_${Buffer.alloc(64, 3).toString('base64')}`;
const NOW = '2026-11-22T10:00:00.000Z';
const SECONDS = Date.parse(NOW) / 1000;
const BODY = '{"id":"h1","result":{"аты":"Әсем"}}';

describe('a signed message', () => {
  it('is believed when nothing was changed', () => {
    expect(check(signed())).toEqual({ ok: true, id: 'evt_1' });
  });

  it('is what the standard library signs and verifies', () => {
    const stamp = new Date(Math.floor(Date.now() / 1000) * 1000);
    const headers = sign({ id: 'evt_1', at: stamp.toISOString(), body: BODY, secrets: [OURS] });
    expect(new Webhook(OURS).verify(BODY, { ...headers })).toEqual(JSON.parse(BODY));
    expect(headers['webhook-signature']).toBe(new Webhook(OURS).sign('evt_1', stamp, BODY));
  });

  it('is known by the example of the standard', () => {
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    };
    const rawBody = Buffer.from('{"test": 2432232314}');
    const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];
    expect(verify({ headers, rawBody, secrets, now: '2021-02-25T15:02:10.000Z' }).ok).toBe(true);
  });

  it('is refused when any byte of its body was changed', () => {
    const headers = signed();
    fc.assert(
      fc.property(fc.nat(Buffer.byteLength(BODY) - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const rawBody = Buffer.from(BODY);
        rawBody[place] = (rawBody[place] ?? 0) ^ change;
        expect(verify({ headers, rawBody, secrets: [OURS], now: NOW }).ok).toBe(false);
      }),
    );
  });

  it('is refused when its body was written anew from the same JSON', () => {
    expect(check(signed({ body: '{"id": "h1"}' }), { body: '{"id":"h1"}' })).toEqual(refused('wrong-signature'));
  });

  it('tells bodies apart that differ only in broken bytes', () => {
    const headers = sign({ id: 'evt_1', at: NOW, body: '"\uFFFD"', secrets: [OURS] });
    for (const byte of [0xfe, 0xff]) {
      const rawBody = Buffer.from([0x22, byte, 0x22]);
      expect(verify({ headers, rawBody, secrets: [OURS], now: NOW })).toEqual(refused('not-utf8'));
    }
  });

  it.each([
    ['another id', { 'webhook-id': 'evt_2' }, 'wrong-signature'],
    ['another stamp', { 'webhook-timestamp': String(SECONDS - 1) }, 'wrong-signature'],
    ['an id with a dot', { 'webhook-id': 'evt.1' }, 'bad-id'],
    ['an empty id', { 'webhook-id': '' }, 'bad-id'],
    ['an id that is too long', { 'webhook-id': 'e'.repeat(129) }, 'bad-id'],
    ['two ids', { 'webhook-id': ['evt_1', 'evt_2'] }, 'header-missing'],
    ['no id', { 'webhook-id': undefined }, 'header-missing'],
    ['no stamp', { 'webhook-timestamp': undefined }, 'header-missing'],
    ['a stamp with letters after it', { 'webhook-timestamp': `${SECONDS}abc` }, 'bad-stamp'],
    ['a negative stamp', { 'webhook-timestamp': `-${SECONDS}` }, 'bad-stamp'],
    ['a stamp with a fraction', { 'webhook-timestamp': `${SECONDS}.5` }, 'bad-stamp'],
    ['a stamp in other digits', { 'webhook-timestamp': '١٧٩٥٣٤٤٢٨٠' }, 'bad-stamp'],
    ['a stamp with leading zeros', { 'webhook-timestamp': `0${SECONDS}` }, 'bad-stamp'],
    ['a stamp in exponents', { 'webhook-timestamp': '1e9' }, 'bad-stamp'],
    ['a huge stamp', { 'webhook-timestamp': '9'.repeat(400) }, 'bad-stamp'],
    ['an empty stamp', { 'webhook-timestamp': '' }, 'bad-stamp'],
    ['no signature', { 'webhook-signature': undefined }, 'header-missing'],
    ['an empty list of signatures', { 'webhook-signature': '' }, 'wrong-signature'],
    [
      'a signature of an unknown version',
      { 'webhook-signature': signed()['webhook-signature'].replace('v1,', 'v1a,') },
      'wrong-signature',
    ],
    [
      'a downgraded version',
      { 'webhook-signature': signed()['webhook-signature'].replace('v1,', 'v0,') },
      'wrong-signature',
    ],
    [
      'a signature without its version',
      { 'webhook-signature': signed()['webhook-signature'].slice(3) },
      'wrong-signature',
    ],
    ['a version without a signature', { 'webhook-signature': 'v1,' }, 'wrong-signature'],
    [
      'a beginning of the signature',
      { 'webhook-signature': signed()['webhook-signature'].slice(0, -1) },
      'wrong-signature',
    ],
    [
      'a thousand signatures, the last one right',
      { 'webhook-signature': `${'v1,AAAA '.repeat(999)}${signed()['webhook-signature']}` },
      'bad-signature-header',
    ],
    [
      'a dozen signatures, the last one right',
      { 'webhook-signature': `${'v1,AAAA '.repeat(11)}${signed()['webhook-signature']}` },
      'bad-signature-header',
    ],
  ])('is refused with %s', (_name, change, reason) => {
    expect(check({ ...signed(), ...change })).toEqual(refused(reason));
  });

  it('is refused when another partner signed it', () => {
    expect(check(signed({ secrets: [OTHERS] }))).toEqual(refused('wrong-signature'));
  });

  it('is believed five minutes around its stamp and no longer', () => {
    const at = (offset: number) => check(signed({ at: new Date((SECONDS + offset) * 1000).toISOString() }));
    expect(at(-300).ok).toBe(true);
    expect(at(300).ok).toBe(true);
    expect(at(-301)).toEqual(refused('too-old'));
    expect(at(301)).toEqual(refused('too-new'));
  });

  it('may carry signatures of versions that we do not know beside ours', () => {
    const headers = { ...signed(), 'webhook-signature': `v1a,AAAA v2,BBBB ${signed()['webhook-signature']}` };
    expect(check(headers).ok).toBe(true);
  });
});

describe('the rotation of a secret', () => {
  const until = '2026-11-23T00:00:00.000Z';
  const secrets: WebhookSecret[] = [NEW, { secret: OURS, until }];

  it('believes the old and the new one while both are in force, and then only the new one', () => {
    for (const secret of [OURS, NEW]) expect(check(signed({ secrets: [secret] }), { secrets }).ok).toBe(true);
    const later = (secret: string) => check(signed({ secrets: [secret], at: until }), { secrets, now: until });
    expect(later(OURS)).toEqual(refused('wrong-signature'));
    expect(later(NEW).ok).toBe(true);
  });

  it('signs with both while both are in force, and then only with the new one', () => {
    const headers = signed({ secrets });
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
    for (const secret of [OURS, NEW]) expect(check(headers, { secrets: [secret] }).ok).toBe(true);
    expect(signed({ secrets, at: until })['webhook-signature'].split(' ')).toHaveLength(1);
  });

  it('believes nobody when no secret is left', () => {
    const over = [{ secret: OURS, until: NOW }];
    expect(check(signed(), { secrets: over })).toEqual(refused('no-secret-in-force'));
    expect(() => signed({ secrets: over })).toThrow('No webhook secret is in force');
  });
});

describe('a secret', () => {
  const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 1).toString('base64')}`;

  it('has 24 to 64 bytes', () => {
    for (const bytes of [24, 64]) expect(checkedSecret(of(bytes))).toBe(of(bytes));
    for (const bytes of [0, 1, 23, 65]) expect(() => checkedSecret(of(bytes))).toThrow('24 to 64 bytes');
  });

  it.each([
    '',
    'secret',
    Buffer.alloc(32).toString('base64'),
    'whsec_',
    'whsec_ÄÄÄÄ',
    `${OURS}\n`,
    `whpk_${'A'.repeat(44)}`,
  ])('is not %j', (secret) => {
    expect(() => checkedSecret(secret)).toThrow('whsec_');
    expect(() => signed({ secrets: [secret] })).toThrow('whsec_');
    expect(() => check(signed(), { secrets: [secret] })).toThrow('whsec_');
  });

  it('is not shown when it is refused', () => {
    expect(() => checkedSecret('whsec_hunter2')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });
});

it('refuses to sign an id with a dot', () => {
  expect(() => signed({ id: 'evt.1' })).toThrow('webhook-id');
});

function signed(change: Partial<Parameters<typeof sign>[0]> = {}) {
  return sign({ id: 'evt_1', at: NOW, body: BODY, secrets: [OURS], ...change });
}

function check(
  headers: Record<string, string | string[] | undefined>,
  change: { body?: string; secrets?: WebhookSecret[]; now?: string } = {},
) {
  const { body = BODY, secrets = [OURS], now = NOW } = change;
  return verify({ headers: { ...headers }, rawBody: Buffer.from(body), secrets, now });
}

function refused(reason: string) {
  return { ok: false, reason };
}
