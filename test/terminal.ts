import { Writable } from 'node:stream';
import { Terminal } from '../src/cli/terminal.js';
import type { JsonObject } from '../src/statechart/types.js';

/** A terminal whose streams are kept. `answer` is the last line of stdout. */
export function keptTerminal(json = true) {
  const [stdout, stderr] = [new Kept(), new Kept()];
  return {
    stdout,
    stderr,
    terminal: new Terminal(json, stdout, stderr),
    answer: () => JSON.parse(stdout.text.trim().split('\n').at(-1) ?? '') as JsonObject,
  };
}

class Kept extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
