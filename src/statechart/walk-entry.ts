import { type ChartTree, type History, properAncestors } from './chart-tree.js';
import type { ChartNode, TransitionDef } from './definition.js';

/** Which states a microstep enters. */
export class EntrySet {
  readonly nodes = new Set<ChartNode>();
  /** Entered because nothing more exact was named: their initial actions run. */
  readonly byDefault = new Set<ChartNode>();

  constructor(
    private readonly tree: ChartTree,
    private readonly history: History,
    transitions: TransitionDef[],
  ) {
    for (const transition of transitions) this.add(transition);
  }

  private add(transition: TransitionDef): void {
    const source = this.tree.node(transition.node);
    const targets = this.tree.targets(transition);
    const domain = this.tree.domain(transition, this.history);
    const fromOutside = source.parent === null && transition.reenter === true;
    for (const target of targets) {
      if (target.type !== 'history' && (source !== target || source !== domain || transition.reenter === true)) {
        this.nodes.add(target);
        this.byDefault.add(target);
      }
      this.addInside(target);
    }
    for (const target of this.tree.effectiveTargets(targets, this.history)) {
      const ancestors = properAncestors(target, domain);
      if (domain?.type === 'parallel') ancestors.push(domain);
      this.addAncestors(ancestors, fromOutside ? null : domain);
    }
  }

  private addInside(node: ChartNode): void {
    if (node.type === 'history') this.addHistory(node);
    else if (node.type === 'compound') {
      const initial = this.tree.node(node.initial ?? '');
      if (initial.type !== 'history') {
        this.nodes.add(initial);
        this.byDefault.add(initial);
      }
      this.addInside(initial);
      this.addAncestors(properAncestors(initial, node), null);
    } else if (node.type === 'parallel') this.addRegions(node, true);
  }

  private addHistory(node: ChartNode): void {
    const remembered = this.history.get(node);
    const targets = remembered ?? this.tree.historyDefault(node);
    for (const target of targets) {
      if (target.type !== 'history') this.nodes.add(target);
      if (remembered === undefined && node.historyTarget === undefined && node.parent?.type === 'compound')
        this.byDefault.add(node.parent);
      this.addInside(target);
    }
    for (const target of targets) this.addAncestors(properAncestors(target, node.parent), null);
  }

  private addRegions(parallel: ChartNode, byDefault: boolean): void {
    for (const region of parallel.children) {
      if (region.type === 'history' || [...this.nodes].some((node) => this.tree.isInside(node, region))) continue;
      this.nodes.add(region);
      if (byDefault) this.byDefault.add(region);
      this.addInside(region);
    }
  }

  private addAncestors(ancestors: ChartNode[], reentrancy: ChartNode | null): void {
    for (const ancestor of ancestors) {
      if (this.tree.isInside(ancestor, reentrancy)) this.nodes.add(ancestor);
      if (ancestor.type === 'parallel') this.addRegions(ancestor, false);
    }
  }
}
