import { parseExpression } from 'feelin';

/** One node of an expression's syntax tree, without comments. */
export interface FeelNode {
  name: string;
  text: string;
  from: number;
  to: number;
  children: FeelNode[];
}

/** Text that is not an expression, or one that is refused. `position` counts characters from 0 in `text`. */
export class ExpressionError extends Error {
  constructor(
    readonly text: string,
    readonly position: number,
    readonly reason: string,
  ) {
    super(`${reason}, at character ${position + 1} of "${shortened(text)}"`);
  }
}

/** States never nest this deep, and neither do expressions that a person can read. */
const MAX_DEPTH = 200;

/**
 * Names are plain words: without knowing the data, `a-b` is always a subtraction. Throws ExpressionError.
 */
export function parseFeel(text: string): FeelNode {
  const root: FeelNode = { name: 'Root', text, from: 0, to: text.length, children: [] };
  const path = [root];
  parseExpression(text, {}, undefined).iterate({
    enter({ type, name, from, to }) {
      if (type.isError)
        throw new ExpressionError(
          text,
          from,
          path.length < 3 && to === from
            ? 'There is no expression'
            : `${unexpected(text, from, to)} does not belong here`,
        );
      if (type.isSkipped) return false;
      if (path.length > MAX_DEPTH) throw new ExpressionError(text, from, 'It is nested too deep');
      const node = { name, text: text.slice(from, to), from, to, children: [] };
      path.at(-1)?.children.push(node);
      path.push(node);
      return undefined;
    },
    leave({ type }) {
      if (!type.isSkipped) path.pop();
    },
  });
  const [expression] = root.children;
  if (expression === undefined || expression.children.length === 0)
    throw new ExpressionError(text, 0, 'There is no expression');
  return expression;
}

/** A name as feelin looks it up: its words joined by single spaces. */
export function nameOf(node: FeelNode): string {
  return node.children.length > 0 ? node.children.map((child) => child.text).join(' ') : node.text;
}

/** Same nodes at the same places, apart from a shift. */
export function sameShape(one: FeelNode, other: FeelNode, shift: number): boolean {
  return (
    one.name === other.name &&
    one.from + shift === other.from &&
    one.to + shift === other.to &&
    one.children.length === other.children.length &&
    one.children.every((child, index) => {
      const twin = other.children[index];
      return twin !== undefined && sameShape(child, twin, shift);
    })
  );
}

function unexpected(text: string, from: number, to: number): string {
  if (to > from) return `"${shortened(text.slice(from, to))}"`;
  return from >= text.trimEnd().length ? 'The end' : `"${shortened(text.slice(from, from + 12))}"`;
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
