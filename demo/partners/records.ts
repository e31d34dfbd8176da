import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';

/** One thing that happened at a partner. No word of it is about a person. */
export type Line =
  | {
      kind: 'delivered';
      partner: string;
      id: string;
      /** Of the body, sha256. */
      digest: string;
      service: string;
      family: string;
      attempt: number;
      sentAt: string;
      dueAt: string | null;
      /** Came from somebody who looks on, and is answered within the minute. */
      brisk?: true;
    }
  /** `status` 0: taken, but the answer was lost on purpose. */
  | { kind: 'answered'; partner: string; id: string; status: number }
  | { kind: 'recalled'; partner: string; id: string }
  /** The papers that it asked for came; `at` as the centre says. */
  | { kind: 'supplied'; partner: string; id: string; at: string }
  /** It answers nobody from now on, or does again. */
  | { kind: 'silence'; partner: string; silent: boolean }
  /** Nobody at the partner knows of it any more: it is not answered unless it is found. */
  | { kind: 'mislaid'; partner: string; id: string }
  /** What was mislaid has turned up, and is answered after all. */
  | { kind: 'found'; partner: string; id: string }
  /** The centre's answer to one copy of a callback. */
  | { kind: 'called'; partner: string; id: string; eventId: string; status: number; outcome: string }
  | { kind: 'violation'; partner: string; id: string | null; rule: string };

/** What the partners have seen: appended, never changed, read again when a run goes on. */
export interface Records {
  read(): Line[];
  add(line: Line): void;
  close(): void;
}

export class MemoryRecords implements Records {
  private readonly lines: Line[] = [];

  read(): Line[] {
    return [...this.lines];
  }

  add(line: Line): void {
    this.lines.push(line);
  }

  close(): void {}
}

/** One line of JSON each. A line is in the file before anybody is answered, so that a kill loses nothing that was said. */
export class FileRecords implements Records {
  private readonly file: number;
  private readonly found: Line[];

  constructor(path: string) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    this.found = whole
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
    // A line that was cut off by a kill was never acted upon.
    if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
    this.file = openSync(path, 'a');
  }

  read(): Line[] {
    return this.found;
  }

  add(line: Line): void {
    writeSync(this.file, `${JSON.stringify(line)}\n`);
  }

  close(): void {
    fdatasyncSync(this.file);
    closeSync(this.file);
  }
}
