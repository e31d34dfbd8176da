import type { CompiledChart } from './chart.js';
import type { AfterDef, ChartNode, InvokeDef } from './definition.js';
import { dueOf } from './due.js';
import type { OpenedItem, Opening } from './invocation.js';
import type { Macrostep } from './machine.js';
import type { Happening } from './machine-config.js';
import { type Names, StepFault } from './template.js';
import type {
  ChartState,
  CloseReason,
  DeadlineEntry,
  DelayRule,
  Effect,
  Entry,
  InvocationEntry,
  ListProgress,
  Scope,
  Source,
} from './types.js';

/** What a new entry needs to know when its due time is computed, after the step. */
interface Origin {
  rule: DelayRule | undefined;
  names: Names;
}

/**
 * The entries of a case while a step is made: XState's happenings go in, in order; entries, lists and effects come out.
 * What is opened and closed within one step never was open.
 */
export class Draft {
  private entries: Entry[];
  private lists: ListProgress[];
  private readonly effects: Effect[] = [];
  private readonly fresh = new Map<Entry, Origin>();
  private readonly vanished = new Set<Entry>();
  private readonly settled = new Map<string, CloseReason | 'fired'>();
  private readonly doneLists = new Set<ListProgress>();
  private readonly emptyLists = new Set<ListProgress>();

  constructor(
    private readonly chart: CompiledChart,
    private readonly scope: Scope,
    before: Pick<ChartState, 'entries' | 'lists'>,
  ) {
    this.entries = before.entries;
    this.lists = before.lists;
  }

  /** Says why an entry will be closed in this step: its own answer, or its list being complete. */
  settle(entry: string, reason: CloseReason | 'fired'): void {
    this.settled.set(entry, reason);
  }

  /** Puts the progress of a list in the place of the old one; `complete` when XState has been told. */
  replaceList(before: ListProgress, after: ListProgress, complete: boolean): void {
    this.lists = this.lists.map((list) => (list === before ? after : list));
    if (complete) this.doneLists.add(after);
  }

  addItems(invoke: InvokeDef, items: OpenedItem[], names: Names): ListProgress['items'] {
    return items.map(({ key, index, input, item }) => {
      const entry = this.invocation(invoke, input, { key, index });
      this.open(entry, { rule: this.chart.deadlines.get(invoke), names: { ...names, item, index } });
      return { key, entry: entry.id, status: 'open' as const };
    });
  }

  apply({ happenings, snapshot }: Macrostep, active: () => string[]): void {
    if (snapshot.status !== 'done') {
      for (const happening of happenings) this.happen(happening);
      return;
    }
    // XState stops what is still open at the very end, in the order in which it was opened.
    const last = finalCloses(happenings, new Set(active()));
    happenings.forEach((happening, index) => {
      if (!last.has(index)) this.happen(happening);
    });
    this.close((entry) => entry.kind === 'invocation');
    this.lists = [];
  }

  /** A list without items that was opened in this step and still waits to be told that it is done. */
  nextEmptyList(): ListProgress | undefined {
    for (const list of this.emptyLists) {
      this.emptyLists.delete(list);
      if (this.lists.includes(list)) return list;
    }
    return undefined;
  }

  finishList(list: ListProgress): void {
    this.doneLists.add(list);
  }

  finish(): { entries: Entry[]; lists: ListProgress[]; effects: Effect[] } {
    const front: Effect[] = [];
    for (const entry of this.settled.size > 0 ? this.entries : []) {
      if (this.settled.has(entry.id)) front.push(this.closing(entry));
    }
    if (front.length > 0) this.entries = this.entries.filter((entry) => !this.settled.has(entry.id));
    if (this.doneLists.size > 0) this.lists = this.lists.filter((list) => !this.doneLists.has(list));
    const lasting =
      this.vanished.size > 0
        ? this.effects.filter((effect) => !('entry' in effect && this.vanished.has(effect.entry)))
        : this.effects;
    for (const [entry, origin] of this.fresh) {
      if (!this.vanished.has(entry)) this.computeDue(entry, origin);
    }
    return { entries: this.entries, lists: this.lists, effects: front.length > 0 ? [...front, ...lasting] : lasting };
  }

  /** XState can enter a state that is active already (by way of its parent's history): what was open gives way to the new. */
  private happen(happening: Happening): void {
    switch (happening.kind) {
      case 'open':
        this.closeInvocation(happening.invoke);
        this.openInvocation(happening.invoke, happening.opening, happening.names);
        break;
      case 'close':
        this.closeInvocation(happening.invoke);
        break;
      case 'timer':
        this.closeTimer(happening.after);
        this.openTimer(happening.after, happening.names);
        break;
      case 'cancel':
        this.closeTimer(happening.after);
        break;
      case 'deadline':
        this.closeDeadline(happening.node);
        this.openDeadline(happening.node, happening.names);
        break;
      case 'met':
        this.closeDeadline(happening.node);
        break;
      case 'action':
        this.effects.push(happening);
    }
  }

  private openInvocation(invoke: InvokeDef, opening: Opening, names: Names): void {
    if (opening.kind === 'single') {
      this.open(this.invocation(invoke, opening.input), { rule: this.chart.deadlines.get(invoke), names });
      return;
    }
    const list: ListProgress = {
      invoke: invoke.id,
      seq: this.scope.seq,
      items: this.addItems(invoke, opening.items, names),
    };
    this.lists = [...this.lists, list];
    if (list.items.length === 0) this.emptyLists.add(list);
  }

  private invocation(
    invoke: InvokeDef,
    input: InvocationEntry['input'],
    item?: { key: string; index: number },
  ): InvocationEntry {
    const id = item === undefined ? `${invoke.id}:${this.scope.seq}` : `${invoke.id}:${this.scope.seq}:${item.key}`;
    // Only play lets other sources through the loader; there nothing answers them by itself.
    const src = invoke.src as Source;
    return {
      kind: 'invocation',
      id,
      invoke: invoke.id,
      src,
      node: invoke.node,
      input,
      seq: this.scope.seq,
      ...(item && { item }),
    };
  }

  private openTimer(after: AfterDef, names: Names): void {
    const id = `after:${after.node}:${after.name}:${this.scope.seq}`;
    this.open(
      { kind: 'timer', id, name: after.name, node: after.node, seq: this.scope.seq, due: '' },
      { rule: after.rule, names },
    );
  }

  private openDeadline(node: ChartNode, names: Names): void {
    const entry: DeadlineEntry = {
      kind: 'deadline',
      id: `deadline:${node.path}:${this.scope.seq}`,
      node: node.path,
      seq: this.scope.seq,
      due: '',
    };
    if (typeof node.meta.escalation === 'string') entry.escalation = node.meta.escalation;
    this.open(entry, { rule: this.chart.stateDeadlines.get(node), names });
  }

  private open(entry: Entry, origin: Origin): void {
    this.entries = [...this.entries, entry];
    this.fresh.set(entry, origin);
    if (entry.kind === 'invocation') this.effects.push({ kind: 'open', entry });
    else if (entry.kind === 'timer') this.effects.push({ kind: 'timer', entry });
    else this.effects.push({ kind: 'deadline', entry });
  }

  private closeInvocation({ id }: InvokeDef): void {
    this.close((entry) => entry.kind === 'invocation' && entry.invoke === id);
    if (this.lists.length > 0) this.lists = this.lists.filter((progress) => progress.invoke !== id);
  }

  private closeTimer({ node, name }: AfterDef): void {
    this.close((entry) => entry.kind === 'timer' && entry.node === node && entry.name === name);
  }

  private closeDeadline({ path }: ChartNode): void {
    this.close((entry) => entry.kind === 'deadline' && entry.node === path);
  }

  private close(matches: (entry: Entry) => boolean): void {
    const left: Entry[] = [];
    for (const entry of this.entries) {
      if (!matches(entry)) left.push(entry);
      else if (this.fresh.has(entry)) this.vanished.add(entry);
      else this.effects.push(this.closing(entry));
    }
    this.entries = left;
  }

  private closing(entry: Entry): Effect {
    const reason = this.settled.get(entry.id) ?? 'left';
    if (entry.kind === 'timer') return { kind: 'cancel', entry, reason: reason === 'fired' ? 'fired' : 'left' };
    if (entry.kind === 'deadline') return { kind: 'met', entry };
    return { kind: 'close', entry, reason: reason === 'fired' ? 'left' : reason };
  }

  /** After the step, and never "now" by default: a moment that cannot be told is a fault. */
  private computeDue(entry: Entry, { rule, names }: Origin): void {
    if (rule === undefined) return;
    const due = this.scope.dues?.[entry.id] ?? dueOf(rule, names, this.scope);
    if (due === null || due === undefined) {
      throw new StepFault({
        rule: 'due-unknown',
        state: entry.node,
        message: `It cannot be told when ${entry.id} is due.`,
      });
    }
    entry.due = due;
  }
}

/** When a chart ends, the last close of each state that was active belongs to the end itself. */
function finalCloses(happenings: Happening[], active: Set<string>): Set<number> {
  const last = new Map<InvokeDef, number>();
  happenings.forEach((happening, index) => {
    if (happening.kind === 'close' && active.has(happening.invoke.node)) last.set(happening.invoke, index);
  });
  return new Set(last.values());
}
