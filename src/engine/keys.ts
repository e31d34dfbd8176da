import { createHash } from 'node:crypto';
import { canonicalJson } from '../statechart/canonical.js';
import type { Json } from '../statechart/types.js';
import { AppError } from './errors.js';
import type { Command } from './types.js';

/** A row of `commands` as a batch keeps it. */
export interface KeptCommand {
  command: Command;
  caseId: string;
  seq: number;
  answer: Json;
}

export function keyOf(command: Command): string {
  return `${command.organisationId}:${command.sender.account}:${command.id}`;
}

/** What makes two commands of one key the same: everything but the ids that are drawn anew for each try. */
export function commandDigest(command: Command): Buffer {
  if (command.digestOf !== undefined) return createHash('sha256').update(canonicalJson(command.digestOf)).digest();
  const { kind } = command;
  const what: Json =
    kind === 'open'
      ? { kind, workflow: command.workflow, input: command.input }
      : kind === 'event'
        ? { kind, caseId: command.caseId, type: command.type, data: command.data ?? null }
        : kind === 'act'
          ? { kind, caseId: command.caseId, act: command.act as unknown as Json, reason: command.reason }
          : kind === 'answer'
            ? { kind, entryId: command.entryId, output: command.output }
            : kind === 'failure'
              ? { kind, entryId: command.entryId, error: command.error }
              : { kind, caseId: command.caseId };
  return createHash('sha256').update(canonicalJson(what)).digest();
}

export function keyReused(command: Command): AppError {
  return new AppError(
    'key-reused',
    422,
    `The key "${command.id}" was used before with another body. Use a new key for a new command.`,
  );
}
