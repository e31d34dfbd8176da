import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const rate = z.number().min(0).max(1);
const share = z.number().min(0).max(10);
const span = z.tuple([share, share]).refine(([least, most]) => least <= most, 'the least comes first');
const count = z.tuple([z.number().int().min(0), z.number().int().min(0)]);
const shares = z
  .record(z.string(), rate)
  .refine(
    (parts) => Math.abs(Object.values(parts).reduce((sum, part) => sum + part, 0) - 1) < 1e-6,
    'shares must add up to 1',
  );

/** In what manner a partner answers a hand-off. */
export const MANNERS = ['prompt', 'early', 'disorder', 'late', 'silent'] as const;
export type Manner = (typeof MANNERS)[number];

const service = z.strictObject({
  /** When callbacks come: shares of the time between sending and term, [least, most]. */
  acknowledged: span,
  papers: span,
  result: span,
  /** How long it works on papers that came, as shares of the same time; and how many days it waits for them. */
  afterPapers: span,
  waitsForPapersDays: z.number().int().min(1),
  /** The same for those that come after the term. */
  late: span,
  manner: z.strictObject(Object.fromEntries(MANNERS.map((manner) => [manner, rate])) as Record<Manner, typeof rate>),
  /** Deliveries that fail before one is taken. */
  temporaryFailure: z.strictObject({ rate, times: count, retryAfterSeconds: count }),
  /** The hand-off was taken, but the 202 does not arrive. */
  replyLost: rate,
  /** Every callback comes two or three times. */
  duplicate: rate,
  papersRequested: rate,
  rejected: rate,
  /** Why, when it is rejected. */
  reasons: shares,
  /** Goes on after a recall. */
  deafToRecall: rate,
});
export type ServiceBehaviour = z.infer<typeof service>;

const schema = z.object({
  partners: z.strictObject({
    default: service,
    /** What differs, by partner and service. */
    services: z.record(z.string(), z.record(z.string(), service.partial())),
  }),
});

/** How each service of each partner behaves. */
export class PartnerBehaviour {
  private constructor(private readonly sections: z.infer<typeof schema>['partners']) {}

  /** The `partners:` section of `behaviour.yaml`. Throws with the place and the reason when it is not as it should be. */
  static read(path: string): PartnerBehaviour {
    return PartnerBehaviour.from(parse(readFileSync(path, 'utf8')), path);
  }

  static from(content: unknown, path = 'The behaviour'): PartnerBehaviour {
    const result = schema.safeParse(content);
    if (result.success) return new PartnerBehaviour(result.data.partners);
    const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`${path} is not as it should be.\n${problems.join('\n')}`);
  }

  of(partner: string, name: string): ServiceBehaviour {
    return { ...this.sections.default, ...this.sections.services[partner]?.[name] };
  }
}
