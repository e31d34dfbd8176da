import type { Finding } from './types.js';

/** Collects findings; a rule speaks once about one thing in one state. */
export class Findings {
  readonly found = new Map<string, Finding>();

  error(rule: string, state: string, message: string, hint: string): void {
    this.add({ rule, severity: 'error', state, message, hint });
  }

  warning(rule: string, state: string, message: string, hint: string): void {
    this.add({ rule, severity: 'warning', state, message, hint });
  }

  private add(finding: Finding): void {
    this.found.set(`${finding.rule}\n${finding.state}\n${finding.message}`, finding);
  }
}
