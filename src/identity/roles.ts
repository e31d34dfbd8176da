import { parse } from 'yaml';
import { z } from 'zod';
import { StartError } from '../platform/start-error.js';

/** What a program signed in with QAMQOR_API_KEY acts as. */
export const INTEGRATION = 'integration';

export const PARTNER_ROLE = /^partner-[a-z][a-z0-9-]{0,55}$/;

/** What `roles.yaml` says that a role may; what each means stands there. */
const RIGHTS = ['open-cases', 'record-consents', 'supply-papers', 'read-answers', 'oversee'] as const;
type Right = (typeof RIGHTS)[number];

/** In `roles.yaml` for their titles only: who answers from outside is no colleague. */
const OUTSIDE = [INTEGRATION, 'partner'];

/** Why a role may not be called so, or null. */
function wrongName(key: string): string | null {
  if (!/^[a-z][a-z-]{0,63}$/.test(key)) return 'A role is named in small Latin letters and hyphens.';
  if (key.startsWith('partner-')) return 'Names that begin with partner- belong to partners.';
  return ['staff', 'engine', 'system', ...RIGHTS].includes(key) ? 'This name means something else already.' : null;
}

const title = z.object({ kk: z.string(), ru: z.string(), en: z.string() }).partial();
const book = z
  .record(z.string(), z.strictObject({ title, may: z.array(z.enum(RIGHTS)).default([]) }))
  .superRefine((roles, context) => {
    for (const key of Object.keys(roles)) {
      const message = wrongName(key);
      if (message !== null) context.addIssue({ code: 'custom', path: [key], message });
    }
  });

/** The roles of `roles.yaml`. What an account carries beyond them, and beyond `partner-<key>`, counts for nothing. */
export class RoleBook {
  private readonly rights: Map<string, readonly Right[]>;

  /** @throws StartError that says what is wrong with the file */
  constructor(yaml: string) {
    this.rights = new Map(Object.entries(read(yaml)).map(([key, { may }]) => [key, may]));
  }

  /** The people of the centre, in the order of the file. */
  get staff(): string[] {
    return [...this.rights.keys()].filter((key) => !OUTSIDE.includes(key));
  }

  knows(key: string): boolean {
    return key === INTEGRATION || PARTNER_ROLE.test(key) || this.staff.includes(key);
  }

  /** What somebody with these roles may. */
  rightsOf(roles: readonly string[]): Right[] {
    return RIGHTS.filter((right) => roles.some((key) => this.rights.get(key)?.includes(right)));
  }

  /** Names of roles as they are; a right as the roles that have it. */
  spelt(names: readonly string[]): string[] {
    const having = (name: string) => [...this.rights].filter(([, may]) => may.some((right) => right === name));
    return [...new Set(names.flatMap((name) => (isRight(name) ? having(name).map(([key]) => key) : [name])))];
  }
}

const isRight = (name: string): name is Right => (RIGHTS as readonly string[]).includes(name);

function read(yaml: string): z.output<typeof book> {
  try {
    return book.parse(parse(yaml) ?? {});
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new StartError('roles', `workflows/roles.yaml cannot be used. Mend it and start again.\n${why}`, {
      cause: error,
    });
  }
}
