import { type ChartNode, isReserved, type Problems } from './definition.js';
import { parseDelay } from './delay.js';
import type { DelayRule, Json, JsonObject, PublicEvent, Text } from './types.js';

export function parseDelays(value: Json | undefined, problems: Problems): Record<string, DelayRule> {
  const delays: Record<string, DelayRule> = {};
  if (value !== undefined && value !== null && object(value) === undefined) {
    problems.add('malformed', '', '`delays` is not a map.', 'Write `delays: {name: 3 working days}`.');
  }
  for (const [name, raw] of Object.entries(object(value) ?? {})) {
    try {
      delays[name] = parseDelay(raw);
    } catch (error) {
      delays[name] = { kind: 'span', amount: 0, unit: 'milliseconds' };
      problems.add(
        'delay-malformed',
        '',
        `Delay "${name}" cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        'Write for example `3 working days`, `10 days`, `PT4H`, or `{until: "= context.date", before: 2 days}`.',
      );
    }
  }
  return delays;
}

export function initialContext(value: Json | undefined, problems: Problems): JsonObject {
  if (value === undefined || value === null) return {};
  const context = object(value);
  if (context === undefined)
    problems.add('malformed', '', '`context` is not a map.', 'Write `context: {name: value}`.');
  return context ?? {};
}

export function declaredEvents(events: JsonObject, problems: Problems): PublicEvent[] {
  return Object.entries(events).map(([type, value]) => {
    const config = object(value) ?? {};
    if (isReserved(type)) {
      problems.add(
        'event-reserved',
        '',
        `\`events\` names "${type}", which is reserved for the engine.`,
        'Choose a name without `xstate.` and without `*`.',
      );
    }
    const schema = object(config.schema);
    const confirm = text(config.confirm);
    const refused = text(config.refused);
    return {
      type,
      title: text(config.title) ?? {},
      ...(schema && { schema }),
      roles: strings(config.roles ?? []),
      ...(confirm && { confirm }),
      ...(refused && { refused }),
    };
  });
}

/** Without an `events` map small charts can still be played: every event named in full is public. */
export function plainEvents(nodes: ChartNode[]): PublicEvent[] {
  const names = new Set(nodes.flatMap((node) => Object.keys(node.on)).filter((name) => !isReserved(name)));
  return [...names].map((type) => ({ type, title: {}, roles: [] }));
}

/** Declared in `stages`, or in the order in which the chart first names them. */
export function stagesOf(value: Json | undefined, nodes: ChartNode[]): { key: string; title: Text }[] {
  const stages = new Map<string, Text>();
  for (const [key, title] of Object.entries(object(value) ?? {}))
    stages.set(key, text(object(title)?.title ?? title) ?? {});
  for (const item of Array.isArray(value) ? value : []) {
    const config = object(item);
    const key = config ? config.key : item;
    if (typeof key === 'string') stages.set(key, text(config?.title) ?? {});
  }
  for (const { meta } of nodes) {
    const stage = object(meta.stage);
    const key = stage ? stage.key : meta.stage;
    if (typeof key === 'string' && !stages.has(key)) stages.set(key, text(stage?.title ?? meta.title) ?? { en: key });
  }
  return [...stages].map(([key, title]) => ({ key, title }));
}

export function object(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

export function list(value: Json | undefined): Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

export function strings(value: Json): string[] {
  return list(value).filter((item) => typeof item === 'string');
}

/** A text in one language is taken for English. */
export function text(value: Json | undefined): Text | undefined {
  if (typeof value === 'string') return { en: value };
  const found: Text = {};
  for (const language of ['kk', 'ru', 'en'] as const) {
    const words = object(value)?.[language];
    if (typeof words === 'string') found[language] = words;
  }
  return object(value) === undefined ? undefined : found;
}
