import { parse as parseYaml } from 'yaml';
import type { Calendar } from './types.js';

/** What a workflow may name outside itself. A part that is left out is not known, and not checked. */
export interface Catalogue {
  roles?: string[];
  partners?: { key: string; services: string[] }[];
  /** `roles`: whom the ladder's steps name. */
  ladders?: { key: string; roles: string[] }[];
  /** Message templates beside the workflow's own `messages/`. */
  templates?: string[];
  services?: string[];
  /** Keys of workflows that a sub-case may open, besides the checked one. */
  workflows?: string[];
  /** What a case of one of them opens by itself (`opensByItself`). */
  opens?(workflow: string): string[];
  /** With `now`: whether this year and the next have their holidays. */
  calendar?: Calendar;
  now?: string;
}

/** Reads the catalogue files that lie beside the workflows, name → text: `roles.yaml`, `partners.yaml`, `escalation.yaml`. */
export function parseCatalogue(files: Record<string, string>): Catalogue {
  const [roles, partners, ladders] = ['roles.yaml', 'partners.yaml', 'escalation.yaml'].map((name) =>
    files[name] === undefined ? undefined : entries(parseYaml(files[name])),
  );
  return {
    ...(roles && { roles: roles.map(([key]) => key) }),
    ...(partners && {
      partners: partners.map(([key, value]) => ({
        key,
        services: entries(part(value, 'services')).map(([service]) => service),
      })),
    }),
    ...(ladders && { ladders: ladders.map(([key, value]) => ({ key, roles: rolesOf(value) })) }),
  };
}

function rolesOf(ladder: unknown): string[] {
  const steps = part(ladder, 'steps');
  return (Array.isArray(steps) ? steps : [])
    .flatMap((step: unknown) => part(step, 'role'))
    .filter((role) => typeof role === 'string');
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function part(value: unknown, name: string): unknown {
  return entries(value).find(([key]) => key === name)?.[1];
}
