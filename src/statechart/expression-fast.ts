import { type FeelNode, nameOf } from './feel-tree.js';

/** Given instead of a value where only feelin knows: then it is asked. */
export const UNSURE = Symbol('unsure');

type Names = Record<string, unknown>;
type Fast = (names: Names) => unknown;

/**
 * The guards and values that nearly all definitions use, as closures, some ten times faster than feelin: paths, literals,
 * comparison of numbers and text, arithmetic, `and`, `or`, `not`, `if`, `in` a list of literals, `count`, `list contains`.
 * They answer only where types fit and names exist; for the rest, warnings too, they are UNSURE. null for any other tree.
 */
export function compileFast(tree: FeelNode, roots: ReadonlySet<string>): Fast | null {
  try {
    return new FastCompiler(roots).compile(tree);
  } catch (error) {
    if (error === UNSURE) return null;
    throw error;
  }
}

class FastCompiler {
  constructor(private readonly roots: ReadonlySet<string>) {}

  compile(node: FeelNode): Fast {
    const parts = node.children;
    switch (node.name) {
      case 'Expression':
        return this.part(parts, 0, 1);
      case 'ParenthesizedExpression':
        return this.part(parts, 1, 3);
      case 'NumericLiteral':
        return constant(/^-?\d{1,15}(\.\d{1,15})?$/.test(node.text) ? Number(node.text) : UNSURE);
      case 'StringLiteral':
        return constant(node.text.includes('\\') ? UNSURE : node.text.slice(1, -1));
      case 'BooleanLiteral':
        return constant(node.text === 'true');
      case 'null':
        return constant(null);
      case 'VariableName':
        return this.variable(nameOf(node));
      case 'PathExpression':
        return this.path(this.part(parts, 0, 3), parts[2]);
      case 'Conjunction':
        return logic(this.part(parts, 0, 3), this.part(parts, 2, 3), false);
      case 'Disjunction':
        return logic(this.part(parts, 0, 3), this.part(parts, 2, 3), true);
      case 'Comparison':
        return this.comparison(parts);
      case 'ArithmeticExpression':
        return arithmetic(parts[1]?.text, this.part(parts, 0, 3), this.part(parts, 2, 3));
      case 'IfExpression':
        return choice(this.part(parts, 1, 6), this.part(parts, 3, 6), this.part(parts, 5, 6));
      case 'FunctionInvocation':
        return this.call(parts);
      default:
        throw UNSURE;
    }
  }

  private part(parts: FeelNode[], index: number, length: number): Fast {
    const node = parts[index];
    if (node === undefined || parts.length !== length) throw UNSURE;
    return this.compile(node);
  }

  private variable(name: string): Fast {
    if (!this.roots.has(name)) throw UNSURE;
    return (names) => names[name] ?? (names[name] === null ? null : UNSURE);
  }

  private path(target: Fast, key: FeelNode | undefined): Fast {
    if (key?.children.length !== 1) throw UNSURE;
    const name = nameOf(key);
    return (names) => {
      const value = target(names);
      if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
        return UNSURE;
      if (!Object.hasOwn(value, name)) return UNSURE;
      const found = (value as Names)[name];
      return found === undefined ? UNSURE : found;
    };
  }

  private comparison(parts: FeelNode[]): Fast {
    const [, operator, , tests] = parts;
    if (operator?.name === 'CompareOp') {
      const [left, right] = [this.part(parts, 0, 3), this.part(parts, 2, 3)];
      if (operator.text === '=') return (names) => equal(left(names), right(names));
      if (operator.text !== '!=') return order(operator.text, left, right);
      return (names) => {
        const same = equal(left(names), right(names));
        return same === UNSURE ? UNSURE : !same;
      };
    }
    if (operator?.name !== 'in' || tests?.name !== 'PositiveUnaryTests') throw UNSURE;
    const value = this.part(parts, 0, 5);
    const literals = tests.children.map((test) => this.literal(test));
    return (names) => {
      const found = value(names);
      return isScalar(found) ? literals.includes(found) : UNSURE;
    };
  }

  private literal(test: FeelNode): unknown {
    const [only, ...more] = test.children;
    if (only === undefined || more.length > 0 || !/Literal$|^null$/.test(only.name)) throw UNSURE;
    return this.compile(only)({});
  }

  private call([target, , parameters]: FeelNode[]): Fast {
    if (target?.name !== 'VariableName' || parameters?.name !== 'PositionalParameters') throw UNSURE;
    const [first, second, ...more] = parameters.children.map((parameter) => this.compile(parameter));
    const name = nameOf(target);
    if (this.roots.has(name) || first === undefined || more.length > 0) throw UNSURE;
    if (name === 'list contains' && second !== undefined) return contains(first, second);
    if (second !== undefined) throw UNSURE;
    if (name === 'not') return (names) => negate(first(names));
    if (name === 'count') {
      return (names) => {
        const list = first(names);
        return Array.isArray(list) ? list.length : UNSURE;
      };
    }
    throw UNSURE;
  }
}

function constant(value: unknown): Fast {
  if (value === UNSURE) throw UNSURE;
  return () => value;
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function equal(left: unknown, right: unknown): boolean | typeof UNSURE {
  if (!isScalar(left) || !isScalar(right)) return UNSURE;
  if (left === null || right === null) return left === right;
  return typeof left === typeof right ? left === right : UNSURE;
}

function order(operator: string, left: Fast, right: Fast): Fast {
  return (names) => {
    const [one, other] = [left(names), right(names)];
    const fits =
      (typeof one === 'number' && typeof other === 'number') || (typeof one === 'string' && typeof other === 'string');
    if (!fits) return UNSURE;
    if (operator === '<') return one < other;
    if (operator === '<=') return one <= other;
    return operator === '>' ? one > other : one >= other;
  };
}

/** Three-valued: `decisive` settles it alone, what is neither true nor false leaves it open. */
function logic(left: Fast, right: Fast, decisive: boolean): Fast {
  return (names) => {
    const [one, other] = [left(names), right(names)];
    if (one === UNSURE || other === UNSURE) return UNSURE;
    if (one === decisive || other === decisive) return decisive;
    return one === !decisive && other === !decisive ? !decisive : null;
  };
}

function negate(value: unknown): boolean | typeof UNSURE {
  return typeof value === 'boolean' ? !value : UNSURE;
}

function arithmetic(operator: string | undefined, left: Fast, right: Fast): Fast {
  return (names) => {
    const [one, other] = [left(names), right(names)];
    if (operator === '+' && typeof one === 'string' && typeof other === 'string') return one + other;
    if (typeof one !== 'number' || typeof other !== 'number') return UNSURE;
    const result = calculate(operator, one, other);
    return Number.isFinite(result) ? result : UNSURE;
  };
}

function calculate(operator: string | undefined, one: number, other: number): number {
  if (operator === '+') return one + other;
  if (operator === '-') return one - other;
  if (operator === '*') return one * other;
  return operator === '/' && other !== 0 ? one / other : Number.NaN;
}

function choice(condition: Fast, yes: Fast, no: Fast): Fast {
  return (names) => {
    const chosen = condition(names);
    if (chosen === UNSURE) return UNSURE;
    return chosen !== false && chosen !== null ? yes(names) : no(names);
  };
}

function contains(list: Fast, element: Fast): Fast {
  return (names) => {
    const [inside, wanted] = [list(names), element(names)];
    return Array.isArray(inside) && isScalar(wanted) ? inside.includes(wanted) : UNSURE;
  };
}
