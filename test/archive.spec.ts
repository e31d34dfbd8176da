import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const LOG = '000000010000000000000001';

describe('ops/postgres/archive.sh', () => {
  let folder: string;
  const file = (name: string, content = '') => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const archive = (content: string) => {
    const { status, stderr } = spawnSync(
      resolve('ops/postgres/archive.sh'),
      [file('log', content), join(folder, LOG)],
      {
        encoding: 'utf8',
      },
    );
    return { status, stderr };
  };
  const archived = () => gunzipSync(readFileSync(join(folder, `${LOG}.gz`))).toString();
  const done = { status: 0, stderr: '' };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'qamqor-archive-'));
    file('.qamqor-archive');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('keeps a file compressed, and takes the same one again as done', () => {
    expect(archive('first')).toEqual(done);
    expect(archive('first')).toEqual(done);
    expect(archived()).toBe('first');
    expect(readdirSync(folder).sort()).toEqual(['.qamqor-archive', `${LOG}.gz`, 'log']);
  });

  it('begins a file anew where it was cut off', () => {
    file(`${LOG}.gz.new`, 'half');
    expect(archive('first')).toEqual(done);
    expect(archived()).toBe('first');
  });

  it.each([`${LOG}.gz`, LOG])('writes over nothing that is there: %s', (name) => {
    const there = file(name, 'another');
    expect(archive('first')).toMatchObject({ status: 1, stderr: expect.stringContaining(`${there} is there already`) });
    expect(readFileSync(there, 'utf8')).toBe('another');
  });

  it('takes a file that was archived as it is', () => {
    file(LOG, 'first');
    expect(archive('first')).toEqual(done);
  });

  it('writes nothing where the disk is not mounted', () => {
    rmSync(join(folder, '.qamqor-archive'));
    expect(archive('first')).toEqual({
      status: 1,
      stderr: `${folder} is no archive, or its disk is not mounted: it has no file .qamqor-archive.\n`,
    });
    expect(existsSync(join(folder, `${LOG}.gz`))).toBe(false);
  });
});
