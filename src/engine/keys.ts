import { hash } from 'node:crypto';
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

const digests = new WeakMap<Command, Buffer>();

/**
 * What makes two commands of one key the same: everything but the ids that are drawn anew for each try. As it was sent:
 * a source may replace an answer afterwards.
 */
export function commandDigest(command: Command): Buffer {
  const known = digests.get(command);
  if (known) return known;
  const digest = digestOf(command.digestOf ?? essence(command));
  digests.set(command, digest);
  return digest;
}

/** As it is kept with the key. */
export function digestOf(what: Json): Buffer {
  return hash('sha256', canonicalJson(what), 'buffer');
}

function essence(command: Command): Json {
  const { kind } = command;
  switch (kind) {
    case 'open':
      return { kind, workflow: command.workflow, input: command.input };
    case 'event':
      return { kind, caseId: command.caseId, type: command.type, data: command.data ?? null };
    case 'act':
      return { kind, caseId: command.caseId, act: command.act as unknown as Json, reason: command.reason };
    case 'answer':
      return { kind, entryId: command.entryId, output: command.output };
    case 'failure':
      return { kind, entryId: command.entryId, error: command.error };
    default:
      return { kind, caseId: command.caseId };
  }
}

export function keyReused(command: Pick<Command, 'id'>): AppError {
  return new AppError(
    'key-reused',
    422,
    `The key "${command.id}" was used before with another body. Use a new key for a new command.`,
  );
}
