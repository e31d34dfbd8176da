import { ExpressionError, type FeelNode, nameOf } from './feel-tree.js';
import type { Json } from './types.js';

/** How many list elements (with `keys`: and map entries) the data may have, so that the evaluation stays short. */
export interface DataLimit {
  items: number;
  keys: boolean;
}

export const MAX_RANGE = 1000;
/** Elementary steps of feelin, less than a microsecond each: at worst the evaluation takes well below a second. */
const MAX_WORK = 1_000_000;
/** How many times larger than the data a result may become without a loop. */
const MAX_GROWTH = 200;
/** Lists of a family have tens of elements; the first limit that keeps an expression short is taken. */
const LIST_LIMITS = [10_000, 2_000, 500, 250, 100];

/**
 * Refuses what could run for long: regular expressions, functions, ranges without literal bounds, and loops in loops
 * in loops. Throws ExpressionError. Gives the limit of the data for an expression that loops, null for one that does not.
 */
export function checkWork(tree: FeelNode, text: string): DataLimit | null {
  const nodes = [...walk(tree)];
  for (const { node, parents } of nodes) refuse(node, parents, text);
  if (!nodes.some(({ node }) => iterates(node))) {
    if (new Estimate(1).of(tree, new Map()).size > MAX_GROWTH)
      throw new ExpressionError(text, 0, 'Its result would be many times larger than the data');
    return null;
  }
  const keys = nodes.some(({ node }) => nameOf(node) === 'get entries');
  const items = LIST_LIMITS.find((limit) => new Estimate(limit).of(tree, new Map()).work <= MAX_WORK);
  if (items === undefined)
    throw new ExpressionError(text, 0, 'Its loops inside loops could run for very long; leave one of them out');
  return { items, keys };
}

/** Stops counting beyond the limit. */
export function exceeds(limit: DataLimit, names: object): boolean {
  let left = limit.items;
  const count = (value: unknown): void => {
    if (left < 0 || typeof value !== 'object' || value === null) return;
    const parts: Json[] = Object.values(value);
    if (limit.keys || Array.isArray(value)) left -= parts.length;
    for (const part of parts) count(part);
  };
  count(names);
  return left < 0;
}

function* walk(node: FeelNode, parents: FeelNode[] = []): Generator<{ node: FeelNode; parents: FeelNode[] }> {
  yield { node, parents };
  for (const child of node.children) yield* walk(child, [node, ...parents]);
}

function iterates(node: FeelNode): boolean {
  return (
    node.name === 'ForExpression' ||
    node.name === 'QuantifiedExpression' ||
    node.name === 'FilterExpression' ||
    (node.name === 'FunctionInvocation' && SLOW.has(called(node)))
  );
}

function refuse(node: FeelNode, parents: FeelNode[], text: string): void {
  const stop = (reason: string): never => {
    throw new ExpressionError(text, node.from, reason);
  };
  switch (node.name) {
    case 'FunctionInvocation':
      refuseCall(called(node), stop);
      break;
    case 'VariableName':
      if (REFUSED.has(nameOf(node))) refuseCall(nameOf(node), stop);
      break;
    case 'FunctionDefinition':
      if (!isSortOrder(parents)) stop('A function can be defined only as the order of `sort`');
      break;
    case 'IterationContext':
      if (node.children.length > 1) refuseRange(node.children[0], node.children[2], stop);
      break;
    case 'SimplePositiveUnaryTest':
      if (parents[0]?.name === 'IterationContext') refuseInterval(node.children[0], stop);
      else if (!isTest(parents)) stop('A range can stand only after `in`');
      break;
  }
}

function refuseCall(name: string, stop: (reason: string) => never): void {
  if (name === 'now' || name === 'today')
    stop(`${name}() would differ at every evaluation; use the name \`now\`, or \`date(now)\` for the day`);
  if (REFUSED.has(name)) stop(`${name}() takes a regular expression, which can run for ever`);
  if (!FUNCTIONS.has(name)) stop(`There is no function "${name}"`);
}

function refuseRange(from: FeelNode | undefined, to: FeelNode | undefined, stop: (reason: string) => never): void {
  const [start, end] = [wholeNumber(from), wholeNumber(to)];
  // feelin counts from the first bound until it meets the second: it never meets a fraction.
  if (start === null || end === null) stop('The bounds of a range must be whole numbers, written out');
  else if (Math.abs(end - start) >= MAX_RANGE) stop(`A range may have at most ${MAX_RANGE} numbers`);
}

function refuseInterval(node: FeelNode | undefined, stop: (reason: string) => never): void {
  const [open, from, , to, close] = node?.children ?? [];
  if (open?.name !== '[' || close?.name !== ']') stop('A range to loop over must include its bounds: [1..10]');
  refuseRange(from, to, stop);
}

function wholeNumber(node: FeelNode | undefined): number | null {
  return node !== undefined && /^-?\d{1,9}$/.test(node.text) ? Number(node.text) : null;
}

/** Only a test after `in` or in a filter, and functions that compare ranges, take a range; nothing keeps it. */
function isTest([parent, invocation]: FeelNode[]): boolean {
  if (parent?.name === 'PositionalParameters') return invocation !== undefined && RANGE_TESTS.has(called(invocation));
  return parent?.name === 'PositiveUnaryTest' || parent?.name === 'FilterExpression';
}

function isSortOrder([parameters, invocation, next]: FeelNode[]): boolean {
  if (parameters?.name === 'NamedParameter') return next?.name === 'FunctionInvocation' && called(next) === 'sort';
  return parameters?.name === 'PositionalParameters' && invocation !== undefined && called(invocation) === 'sort';
}

function called(invocation: FeelNode): string {
  const [target] = invocation.children;
  if (target === undefined) return '';
  return target.name === 'VariableName' || target.name === 'SpecialFunctionName' ? nameOf(target) : target.text;
}

/** What a value may be in size (elements), and the steps to compute it, both at most. */
interface Cost {
  size: number;
  work: number;
}

/** Sizes of the names bound inside the expression; all others are as large as the data. */
type Sizes = Map<string, number>;

class Estimate {
  constructor(private readonly dataSize: number) {}

  of(node: FeelNode, sizes: Sizes): Cost {
    switch (node.name) {
      case 'VariableName':
        return { size: sizes.get(nameOf(node)) ?? this.dataSize, work: 1 };
      case 'PathExpression':
        return this.path(node, sizes);
      case 'FilterExpression':
        return this.filter(node, sizes);
      case 'ForExpression':
      case 'QuantifiedExpression':
        return this.loop(node, sizes);
      case 'Context':
        return this.entries(node, sizes);
      case 'FunctionInvocation':
        return this.invocation(node, sizes);
      case 'Comparison':
        return this.comparison(node, sizes);
      default:
        return this.sum(node, sizes);
    }
  }

  private sum(node: FeelNode, sizes: Sizes): Cost {
    const parts = node.children.map((child) => this.of(child, sizes));
    return {
      size: Math.max(1, add(parts.map((part) => part.size))),
      work: 1 + add(parts.map((part) => part.work)),
    };
  }

  private comparison(node: FeelNode, sizes: Sizes): Cost {
    const [left, operator, ...tests] = node.children;
    const parts = [left, ...tests].flatMap((part) => (part === undefined ? [] : [this.of(part, sizes)]));
    const work = 1 + add(parts.map((part) => part.work));
    // Lists and maps are compared element by element, as far as the smaller one goes; `in` tries every test.
    if (operator?.text === '=' || operator?.text === '!=')
      return { size: 1, work: work + Math.min(...parts.map((part) => part.size)) };
    return { size: 1, work: work + (operator?.name === 'in' ? add(parts.slice(1).map((part) => part.size)) : 1) };
  }

  /** A property of a list is looked up in each element. Over the elements of a loop that adds up to the data. */
  private path(node: FeelNode, sizes: Sizes): Cost {
    const [first] = node.children;
    if (first === undefined) return { size: 1, work: 1 };
    const base = this.of(first, sizes);
    const bound = first.name === 'VariableName' && sizes.has(nameOf(first));
    const plain = first.name === 'VariableName' && !bound;
    return { size: base.size, work: base.work + (bound || plain ? 1 : base.size) };
  }

  private filter(node: FeelNode, sizes: Sizes): Cost {
    const [list, , test] = node.children;
    if (!list || !test) return { size: 1, work: 1 };
    const source = this.of(list, sizes);
    const inner = this.of(test, new Map([...sizes, ['item', source.size]]));
    const once = test.name === 'NumericLiteral' || test.name === 'StringLiteral';
    return {
      size: source.size,
      work: source.work + inner.work + (once ? source.size : source.size * (inner.work + LOOP_STEPS)),
    };
  }

  private loop(node: FeelNode, sizes: Sizes): Cost {
    const inner: Sizes = new Map(sizes);
    let rounds = 1;
    let work = 0;
    for (const { children } of node.children.find((child) => child.name === 'InExpressions')?.children ?? []) {
      const [name, , source] = children;
      if (!name || !source) continue;
      const cost = this.source(source, inner);
      work += rounds * cost.work;
      rounds *= cost.size;
      inner.set(nameOf(name), source.children.length > 1 ? 1 : cost.size);
    }
    const last = node.children.at(-1);
    // Each round may see the results of all rounds before.
    const body = last ? this.of(last, new Map([...inner, ['partial', rounds]])) : { size: 1, work: 1 };
    const size = node.name === 'ForExpression' ? rounds * body.size : 1;
    return { size, work: work + rounds * (body.work + LOOP_STEPS) };
  }

  private source(source: FeelNode, sizes: Sizes): Cost {
    const range = source.children.length > 1 ? source : source.children[0]?.children[0];
    const [from, to] = range?.children.filter((child) => child.name === 'NumericLiteral') ?? [];
    if (from && to && (range === source || range?.name === 'Interval'))
      return { size: Math.abs(Number(to.text) - Number(from.text)) + 1, work: 1 };
    return this.sum(source, sizes);
  }

  private entries(node: FeelNode, sizes: Sizes): Cost {
    const inner: Sizes = new Map(sizes);
    let size = 1;
    let work = 1;
    for (const entry of node.children) {
      const [key, value] = entry.children;
      if (entry.name !== 'ContextEntry' || !key || !value) continue;
      const cost = this.of(value, inner);
      size += cost.size;
      work += cost.work + 1;
      const [word] = key.children;
      inner.set(word?.name === 'Name' ? nameOf(word) : key.text.slice(1, -1), cost.size);
    }
    return { size, work };
  }

  private invocation(node: FeelNode, sizes: Sizes): Cost {
    const name = called(node);
    const parameters = node.children[2]?.children ?? [];
    const functions = parameters.flatMap((parameter) => bodyOfFunction(parameter));
    const parts = parameters
      .filter((parameter) => bodyOfFunction(parameter).length === 0)
      .map((part) => this.of(part, sizes));
    const size = Math.max(1, add(parts.map((part) => part.size)));
    const own = add(parts.map((part) => part.work)) + size;
    const compare = add(functions.map((body) => this.of(body, new Map([...sizes, ...formals(parameters, size)])).work));
    const extra = SLOW.get(name)?.(size, compare + LOOP_STEPS) ?? 0;
    return { size: SCALAR.has(name) ? 1 : size, work: own + extra };
  }
}

/** What one round of a loop costs besides its body: feelin copies all names. */
const LOOP_STEPS = 5;

function formals(parameters: FeelNode[], size: number): [string, number][] {
  const definitions = parameters
    .flatMap((parameter) => [parameter, ...parameter.children])
    .filter((part) => part.name === 'FunctionDefinition');
  return definitions.flatMap(({ children }) =>
    (children.find((child) => child.name === 'FormalParameters')?.children ?? []).map((name): [string, number] => [
      name.text.trim(),
      size,
    ]),
  );
}

function bodyOfFunction(parameter: FeelNode): FeelNode[] {
  const definition = parameter.name === 'NamedParameter' ? parameter.children[1] : parameter;
  if (definition?.name !== 'FunctionDefinition') return [];
  return definition.children.filter((child) => child.name === 'FunctionBody');
}

function add(numbers: number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** Functions that take more steps than their arguments have elements. */
const SLOW = new Map<string, (size: number, compare: number) => number>([
  ['sort', (size, compare) => size * Math.ceil(Math.log2(size + 1)) * compare],
  ['distinct values', (size) => size * size],
  ['union', (size) => size * size],
  ['get entries', (size) => size],
]);

const REFUSED = new Set(['matches', 'replace', 'split', 'today']);
const RANGE_TESTS = new Set(['before', 'after', 'meets', 'met by', 'overlaps', 'includes']);

/** Functions whose result is one value, however long their arguments are. */
const SCALAR = new Set([
  'not', 'number', 'string length', 'contains', 'starts with', 'ends with', 'list contains', 'count', 'min', 'max', 'sum', 'mean',
  'all', 'any', 'product', 'median', 'stddev', 'decimal', 'floor', 'ceiling', 'abs', 'round up', 'round down', 'round half up',
  'round half down', 'modulo', 'sqrt', 'log', 'exp', 'odd', 'even', 'is', 'day of year', 'day of week', 'month of year', 'week of year',
  'years and months duration', ...RANGE_TESTS,
]); // biome-ignore format: a list of names

/** feelin's functions, without those that are refused and those it has not written yet. */
const FUNCTIONS = new Set([
  ...SCALAR,
  ...SLOW.keys(),
  'string',
  'substring',
  'upper case',
  'lower case',
  'substring before',
  'substring after',
  'string join',
  'list replace',
  'sublist',
  'append',
  'concatenate',
  'insert before',
  'remove',
  'reverse',
  'index of',
  'flatten',
  'mode',
  'get value',
  'context',
  'context merge',
  'context put',
]);
