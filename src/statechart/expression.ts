import { evaluate, type FeelFunction, isFunction } from 'feelin';
import { compileFast, UNSURE } from './expression-fast.js';
import { checkWork, exceeds } from './expression-limits.js';
import { readPaths } from './expression-paths.js';
import { toJson } from './expression-values.js';
import { ExpressionError, type FeelNode, parseFeel, sameShape } from './feel-tree.js';
import type { Actor, Json } from './types.js';

export { ExpressionError } from './feel-tree.js';

/** What an expression may see. Names that are left out are unknown to it. `zone` is not a name: it says whose day `date(now)` is. */
export interface ExpressionNames {
  context?: Json;
  event?: Json;
  now?: string;
  by?: Actor;
  zone?: string;
  [extra: string]: Json | Actor | undefined;
}

export interface CompiledExpression {
  /** Without the leading `=`. */
  readonly text: string;
  /** Every property path that is read, for the name check; `[]` stands for an element of a list. */
  readonly paths: string[][];
  /** Whether the expression reads the name `context`, `event`, `now`, … */
  mentions(name: string): boolean;
  /** Never throws. A value with a warning must not be used: a misspelt name, for example, is null and a warning. */
  evaluate(names: ExpressionNames): { value: Json | undefined; warnings: string[] };
}

export const MAX_EXPRESSION_BYTES = 2048;

/** Names that the engine gives; everything else must be bound inside the expression. */
export const EXPRESSION_NAMES = [
  'context',
  'event',
  'now',
  'by',
  'input',
  'item',
  'index',
  'items',
  'results',
] as const;

const DEFAULT_ZONE = 'Asia/Almaty';
/** The day of `now` in the organisation's zone, given only to expressions that say `date(now)`. */
const TODAY = 'qamqorToday';

/**
 * Parses once. feelin itself parses at every evaluation (about 250 µs); here it evaluates a function definition
 * around the text once, and the function that comes out is called: the same interpreter, so the same results.
 *
 * No evaluation is endless or slow: there is no recursion (functions can be defined only as the order of `sort`),
 * no regular expression, and every loop runs over a list or a range of literal whole numbers. `checkWork` bounds
 * the product of all loops at compile time for lists of a given length, and longer lists are refused at run time.
 *
 * Throws ExpressionError.
 */
export function compileExpression(source: string): CompiledExpression {
  const known = compiledExpressions.get(source);
  if (known !== undefined) return known;
  const compiled = compile(expressionText(source));
  if (compiledExpressions.size >= MAX_CACHED) compiledExpressions.clear();
  compiledExpressions.set(source, compiled);
  return compiled;
}

/** The same text is compiled at several places and in every version of a workflow, a millisecond each time. */
const compiledExpressions = new Map<string, CompiledExpression>();
const MAX_CACHED = 5000;

function compile(text: string): CompiledExpression {
  if (Buffer.byteLength(text) > MAX_EXPRESSION_BYTES)
    throw new ExpressionError(text, MAX_EXPRESSION_BYTES, 'It is longer than 2 KB');
  const tree = parseFeel(text);
  const { paths, roots } = readPaths(tree, EXPRESSION_NAMES);
  const limit = checkWork(tree, text);
  const body = localToday(tree, text);
  const parameters = [...EXPRESSION_NAMES.filter((name) => roots.has(name)), ...(body === text ? [] : [TODAY])];
  const run = compileBody(body, parameters);
  const fast = limit === null && body === text ? compileFast(tree, roots) : null;
  return {
    text,
    paths,
    mentions: (name) => roots.has(name),
    evaluate(names) {
      const value = fast === null ? UNSURE : fast(names);
      if (value !== UNSURE) return { value: value as Json, warnings: [] };
      if (limit !== null && exceeds(limit, names))
        return {
          value: null,
          warnings: [`The lists are too long for this expression: ${limit.items} elements at most.`],
        };
      return run(parameters.map((name) => (name === TODAY ? dayOf(names) : names[name])));
    },
  };
}

/** The FEEL of a value that starts with `=`. */
export function expressionText(value: string): string {
  return (value.startsWith('=') ? value.slice(1) : value).trim();
}

type Run = (values: unknown[]) => { value: Json | undefined; warnings: string[] };

function compileBody(body: string, parameters: string[]): Run {
  const prefix = `function(${parameters.join(', ')}) (\n`;
  const wrapped = `${prefix}${body}\n)`;
  refuseOtherReading(body, wrapped, prefix.length);
  const { value, warnings } = evaluate(wrapped);
  if (!isFunction(value)) throw new ExpressionError(body, 0, 'It cannot be compiled');
  const compiled: FeelFunction = value;
  return (values) => {
    // feelin collects the warnings of every call in this one array.
    warnings.length = 0;
    try {
      const result = toJson(compiled.fn(...values));
      return { value: result.value, warnings: [...warnings.map((warning) => warning.message), ...result.warnings] };
    } catch (error) {
      return { value: null, warnings: [error instanceof Error ? error.message : String(error)] };
    }
  };
}

/** The text must mean inside the function what it means alone. */
function refuseOtherReading(body: string, wrapped: string, shift: number): void {
  const alone = parseFeel(body).children[0];
  const inside = bodyOf(parseFeel(wrapped));
  if (alone === undefined || inside === undefined || !sameShape(alone, inside, shift))
    throw new ExpressionError(body, 0, 'It can be read in two ways; put brackets around its parts');
}

function bodyOf(tree: FeelNode): FeelNode | undefined {
  const definition = tree.children[0];
  const body = definition?.children.find((child) => child.name === 'FunctionBody');
  return body?.children[0]?.children[1];
}

/** `date(now)` is the day in the organisation's zone: feelin itself makes no date from text with a time. */
function localToday(tree: FeelNode, text: string): string {
  const [made, , parameters] = tree.children;
  const own =
    tree.name === 'DateTimeLiteral' && made?.text === 'date' && parameters?.text.trim() === 'now' && parameters;
  if (own) return text.slice(0, own.from) + TODAY + text.slice(own.to);
  // From the back, so that the places in front stay where they are.
  return [...tree.children].reverse().reduce((body, child) => localToday(child, body), text);
}

const dayFormats = new Map<string, Intl.DateTimeFormat>();

function dayOf({ now, zone = DEFAULT_ZONE }: ExpressionNames): string | undefined {
  if (now === undefined) return undefined;
  let format = dayFormats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
    dayFormats.set(zone, format);
  }
  return format.format(new Date(now));
}
