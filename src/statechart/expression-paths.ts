import { type FeelNode, nameOf } from './feel-tree.js';

/** Where the value of a name comes from; null where that cannot be told. */
type Scope = Map<string, string[] | null>;

/**
 * Which properties an expression reads, from the names the engine gives down: `context.people[age > 17].name` reads
 * `context.people.name` and `context.people.[].age`. `roots` are the given names it mentions.
 */
export function readPaths(tree: FeelNode, rootNames: readonly string[]): { paths: string[][]; roots: Set<string> } {
  const reader = new Reader(new Set(rootNames));
  reader.read(tree, new Map());
  return { paths: [...reader.found.values()], roots: reader.roots };
}

class Reader {
  readonly found = new Map<string, string[]>();
  readonly roots = new Set<string>();

  constructor(private readonly rootNames: Set<string>) {}

  /** Notes what the node reads. */
  read(node: FeelNode, scope: Scope): void {
    const path = this.pathOf(node, scope);
    if (path !== null) this.found.set(path.join('\n'), path);
  }

  /** The path of the node's value; what it reads besides is noted. */
  private pathOf(node: FeelNode, scope: Scope): string[] | null {
    const [first, , third] = node.children;
    switch (node.name) {
      case 'VariableName':
        return this.variable(nameOf(node), scope);
      case 'PathExpression': {
        const base = first ? this.pathOf(first, scope) : null;
        return base && third ? [...base, nameOf(third)] : null;
      }
      case 'FilterExpression': {
        const list = first ? this.pathOf(first, scope) : null;
        const element = list && [...list, '[]'];
        if (third) this.read(third, new Map([...scope, ['item', element], [ELEMENT, element]]));
        return list;
      }
      case 'ParenthesizedExpression':
        return node.children[1] ? this.pathOf(node.children[1], scope) : null;
      case 'ForExpression':
      case 'QuantifiedExpression':
        return this.loop(node, scope);
      case 'Context':
        return this.entries(node, scope);
      case 'FunctionInvocation':
        return this.invocation(node, scope);
      case 'Type':
      case 'ParameterName':
      case 'DateTimeConstructor':
        return null;
      default:
        for (const child of node.children) this.read(child, scope);
        return null;
    }
  }

  private variable(name: string, scope: Scope): string[] | null {
    const bound = scope.get(name);
    if (bound !== undefined) return bound;
    if (this.rootNames.has(name)) {
      this.roots.add(name);
      return [name];
    }
    const element = scope.get(ELEMENT);
    return element === undefined ? [name] : element && [...element, name];
  }

  private loop(node: FeelNode, scope: Scope): null {
    const inner: Scope = new Map([...scope, ['partial', null]]);
    const loops = node.children.find((child) => child.name === 'InExpressions')?.children ?? [];
    for (const { children } of loops) {
      const [name, , source] = children;
      const only = source?.children.length === 1 ? source.children[0] : undefined;
      const list = only ? this.pathOf(only, inner) : null;
      if (only === undefined && source) this.read(source, inner);
      if (list) this.found.set(list.join('\n'), list);
      if (name) inner.set(nameOf(name), list && [...list, '[]']);
    }
    const body = node.children.at(-1);
    if (body) this.read(body, inner);
    return null;
  }

  private entries(node: FeelNode, scope: Scope): null {
    const inner: Scope = new Map(scope);
    for (const entry of node.children) {
      const [key, value] = entry.children;
      if (entry.name !== 'ContextEntry' || !key || !value) continue;
      const path = this.pathOf(value, inner);
      if (path) this.found.set(path.join('\n'), path);
      const [word] = key.children;
      inner.set(word?.name === 'Name' ? nameOf(word) : key.text.slice(1, -1), path);
    }
    return null;
  }

  private invocation(node: FeelNode, scope: Scope): string[] | null {
    const [target, , parameters] = node.children;
    const called = target ? nameOf(target) : '';
    const [first, second] = parameters?.children ?? [];
    if (called === 'get value' && first && second?.name === 'StringLiteral') {
      const base = this.pathOf(first, scope);
      return base && [...base, second.text.slice(1, -1)];
    }
    for (const parameter of parameters?.children ?? []) this.parameter(parameter, first, scope);
    return null;
  }

  /** The order given to `sort` compares two elements of its list. */
  private parameter(parameter: FeelNode, list: FeelNode | undefined, scope: Scope): void {
    const value = parameter.name === 'NamedParameter' ? parameter.children[1] : parameter;
    if (value?.name !== 'FunctionDefinition') {
      if (value) this.read(value, scope);
      return;
    }
    const path = list ? this.pathOf(list, scope) : null;
    const names = value.children.find((child) => child.name === 'FormalParameters')?.children ?? [];
    const inner: Scope = new Map(scope);
    for (const name of names) inner.set(name.text.trim(), path && [...path, '[]']);
    const body = value.children.find((child) => child.name === 'FunctionBody')?.children[0];
    if (body) this.read(body, inner);
  }
}

/** Not a name that can be written: where names lead that are looked up in the element of a filtered list. */
const ELEMENT = '[]';
