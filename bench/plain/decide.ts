import type { Json, JsonObject } from '../../src/statechart/types.js';
import { CURATOR, type Journey, ORGANISATION, PARTNER, type Step } from '../journey.js';
import type { Change } from './tables.js';
import { ACCEPTS, CAN, workflow } from './told.js';

/** A case as the loops read it, under its lock. */
export interface PlainCase {
  id: string;
  number: string;
  subject: string;
  revision: number;
  chart: PlainChart;
  openedAt: string;
}

interface PlainChart {
  snapshot: { status: string; value: Json; context: JsonObject; historyValue: JsonObject; output?: Json };
  entries: JsonObject[];
  lists: Json[];
}

const WORKFLOW = { key: 'bench-journey', version: 1, hash: 'e'.repeat(64) };
/** The loops keep no chain: these stand where the engine's hashes and salts are, so that rows are as long. */
const HASH = Buffer.alloc(32, 0xa5);
const SALT = Buffer.alloc(16, 0x5a);
const DIGEST = 'd'.repeat(64);
const DAY_MS = 86_400_000;

const TITLES = {
  screening: JSON.stringify({ kk: 'Тексеру', ru: 'Проверка', en: 'Screening' }),
  assessment: JSON.stringify({ kk: 'Бағалау', ru: 'Оценка', en: 'Assessment' }),
};

/** What a programmer would write who knows this one process: an `if` per step, and the rows that follow from it. */
export function decide(step: Step, journey: Journey, found: PlainCase | null, number: string, at: string): Change {
  const made = new Made(step, journey, found ?? opened(journey, number, at), at);
  made.move();
  return made.rows();
}

function opened(journey: Journey, number: string, at: string): PlainCase {
  const input = journey.said.open;
  const context: JsonObject = {};
  for (const [name, value] of Object.entries(workflow.context))
    context[name] = name in input ? (input[name] ?? null) : value;
  return {
    id: journey.caseId,
    number,
    subject: String(input['householdId']),
    revision: 0,
    chart: { snapshot: { status: 'active', value: '', context, historyValue: {} }, entries: [], lists: [] },
    openedAt: at,
  };
}

interface Listed {
  id: string;
  uuid: string;
  due?: string;
  src?: string;
}

class Made {
  private readonly change: Change = {};
  private readonly openedEntries: Listed[] = [];
  private readonly closedEntries: Listed[] = [];
  private readonly seq: number;
  private readonly said: JsonObject;
  private readonly by: { account: string; roles: string[] };
  private what = { kind: 'event', type: '', payload: '' };

  constructor(
    private readonly step: Step,
    private readonly journey: Journey,
    private readonly row: PlainCase,
    private readonly at: string,
  ) {
    this.seq = row.revision + 1;
    this.said = journey.said[step];
    this.by = step === 'partner' ? PARTNER : CURATOR;
  }

  move(): void {
    const { context } = this.row.chart.snapshot;
    const { said } = this;
    switch (this.step) {
      case 'open':
        this.go({ intake: 'screening' });
        this.event('start', { input: { input: said, kind: 'start' } });
        this.openTask('screen', 'screening', 'intake.screening', 4);
        break;
      case 'screen':
        if (said['eligible'] !== true || Number(said['members']) < Number(context['minimumMembers']))
          throw this.refused();
        Object.assign(context, { members: said['members'], level: said['level'] });
        this.go({ consultation: 'planning' });
        this.answer('screen');
        this.closeTask('screen');
        this.setTimer('deadline', '', 'consultation', 'deadline:consultation', 28);
        break;
      case 'plan':
        Object.assign(context, { plan: said['plan'], programme: context['level'] === 'D' ? 'priority' : 'standard' });
        this.go({ consultation: 'requesting' });
        this.event('PLAN_AGREED', { input: { data: said, kind: 'event', type: 'PLAN_AGREED' } });
        this.setTimer(
          'timer',
          'partnerTerm',
          'consultation.requesting',
          'after:consultation.requesting:partnerTerm',
          14,
        );
        this.openHandOff();
        break;
      case 'partner':
        if (said['result'] !== 'place') throw this.refused();
        Object.assign(context, { partnerReference: said['reference'] });
        this.go({ course: 'enrolling' });
        this.answer('request');
        this.closeHandOff();
        this.dropTimers();
        break;
      case 'enrol':
        Object.assign(context, { groupCode: said['groupCode'], courseAttempts: Number(context['courseAttempts']) + 1 });
        this.go({ course: 'attending' });
        this.event('ENROLLED', { input: { data: said, kind: 'event', type: 'ENROLLED' } });
        break;
      case 'attend':
        Object.assign(context, { hours: Number(context['hours']) + Number(said['hours']) });
        if (Number(context['hours']) < Number(context['requiredHours'])) throw this.refused();
        this.go({ course: 'assessing' });
        this.event('ATTENDED', { input: { data: said, kind: 'event', type: 'ATTENDED' } });
        this.openTask('assess', 'assessment', 'course.assessing', 8);
        break;
      case 'assess':
        if (said['passed'] !== true || Number(said['score']) < 60) throw this.refused();
        Object.assign(context, { score: said['score'], outcome: 'granted' });
        this.go('granted');
        this.row.chart.snapshot.status = 'done';
        this.answer('assess');
        this.closeTask('assess');
        break;
    }
  }

  rows(): Change {
    const { row, seq, at, by, change } = this;
    const { snapshot, entries } = row.chart;
    const done = snapshot.status === 'done';
    const stage = typeof snapshot.value === 'string' ? null : (Object.keys(snapshot.value as JsonObject)[0] ?? null);
    const stages = stage === null ? [] : [stage];
    const dues = entries.flatMap((entry) => (entry['kind'] !== 'timer' && entry['due'] ? [String(entry['due'])] : []));
    const dueAt = dues.sort()[0] ?? null;
    const state = JSON.stringify(snapshot.value);
    const columns = [
      snapshot.status,
      state,
      stage,
      `{${stages.join(',')}}`,
      JSON.stringify(row.chart),
      seq,
      HASH,
      at,
      done ? at : null,
      dueAt,
    ];
    if (seq === 1)
      change.newCase = [
        [row.id, ORGANISATION, row.number, WORKFLOW.key, WORKFLOW.version, row.subject, row.openedAt, ...columns],
      ];
    else change.caseState = [[row.id, ...columns]];
    const commandId = `${this.step}:${row.id}`;
    const body = JSON.stringify({
      at,
      by: by.account,
      closed: this.closedEntries,
      commandId,
      engine: 'qamqor/1',
      kind: this.what.kind,
      onBehalfOf: null,
      opened: this.openedEntries,
      payload: DIGEST,
      seq,
      stages,
      state: snapshot.value,
      type: this.what.type,
      workflow: WORKFLOW,
    });
    change.journal = [[row.id, seq, ORGANISATION, at, this.what.kind, this.what.type, body, HASH]];
    change.payload = [[row.id, seq, ORGANISATION, SALT, this.what.payload]];
    if (this.step !== 'partner')
      change.command = [
        [ORGANISATION, by.account, commandId, HASH, row.id, seq, this.answerText(stage, stages, dueAt), at],
      ];
    return change;
  }

  private answerText(stage: string | null, stages: string[], dueAt: string | null): string {
    const { row, seq, at } = this;
    const { status, value } = row.chart.snapshot;
    return JSON.stringify({
      id: row.id,
      number: row.number,
      workflow: { key: WORKFLOW.key, version: WORKFLOW.version },
      subject: row.subject,
      state: value,
      stage,
      stages,
      status,
      revision: seq,
      accepts: ACCEPTS[this.step],
      incidents: 0,
      overdue: dueAt !== null && dueAt < at,
      dueAt,
      openedAt: row.openedAt,
      updatedAt: at,
      closedAt: status === 'done' ? at : null,
      modified: false,
      can: CAN,
    });
  }

  private go(value: Json): void {
    this.row.chart.snapshot.value = value;
  }

  private event(type: string, payload: JsonObject): void {
    this.what = { kind: 'event', type, payload: this.payload(payload) };
  }

  private answer(invoke: string): void {
    const entry = this.entry(invoke);
    const payload = this.payload({ input: { entry: String(entry['id']), kind: 'answer', output: this.said } });
    this.what = { kind: 'answer', type: `done(${invoke})`, payload };
  }

  private payload(payload: JsonObject): string {
    return JSON.stringify({ by: { id: this.by.account, roles: this.by.roles }, ...payload });
  }

  private openTask(invoke: string, form: 'screening' | 'assessment', node: string, days: number): void {
    const due = this.due(days);
    const input = { form, role: 'curator', deadline: `${days - 1} working days` };
    const id = this.open({
      kind: 'invocation',
      id: `${invoke}:${this.seq}`,
      invoke,
      src: 'task',
      node,
      input,
      seq: this.seq,
      due,
    });
    const { row } = this;
    this.change.newTask = [
      [
        id,
        ORGANISATION,
        row.id,
        row.number,
        row.subject,
        WORKFLOW.key,
        WORKFLOW.hash,
        invoke,
        form,
        1,
        TITLES[form],
        'curator',
        'open',
        due,
        this.at,
      ],
    ];
  }

  private closeTask(invoke: string): void {
    const id = this.close(this.entry(invoke));
    this.change.taskDone = [[id, 'done', this.at, this.by.account, this.by.account, 2]];
  }

  private openHandOff(): void {
    const due = this.due(14);
    const { row, seq, at } = this;
    const { context } = row.chart.snapshot;
    const input = {
      partner: 'atameken',
      service: 'entrepreneur-course',
      deadline: '10 working days',
      request: { plan: context['plan'] ?? null, programme: context['programme'] ?? null },
    };
    const id = this.open({
      kind: 'invocation',
      id: `request:${seq}`,
      invoke: 'request',
      src: 'handOff',
      node: 'consultation.requesting',
      input,
      seq,
      due,
    });
    this.change.newHandoff = [
      [
        id,
        ORGANISATION,
        row.id,
        row.number,
        row.subject,
        input.partner,
        input.service,
        'request',
        JSON.stringify(input.request),
        'draft',
        at,
        due,
        due,
        this.due(14 + 8),
      ],
    ];
    this.change.newOutbox = [
      [
        outboxId(row.id),
        ORGANISATION,
        row.id,
        seq,
        'handOff.open',
        id,
        `{"entry":"request:${seq}"}`,
        at,
        new Date(Date.parse(at) + 5000).toISOString(),
      ],
    ];
  }

  private closeHandOff(): void {
    const id = this.close(this.entry('request'));
    this.change.handoffDone = [[id, 'done', this.at, JSON.stringify(this.said), 2]];
    this.change.outboxDone = [[outboxId(this.row.id)]];
  }

  private setTimer(kind: 'timer' | 'deadline', name: string, node: string, id: string, days: number): void {
    const due = this.due(days);
    const entry: JsonObject = { kind, id: `${id}:${this.seq}`, node, seq: this.seq, due };
    if (kind === 'timer') entry['name'] = name;
    this.change.newTimer = [[this.open(entry), ORGANISATION, this.row.id, kind, name, node, due]];
  }

  private dropTimers(): void {
    const timers = this.row.chart.entries.filter((entry) => entry['kind'] !== 'invocation');
    this.change.timerGone = timers.map((entry) => [this.close(entry)]);
  }

  private open(entry: JsonObject): string {
    const uuid = childId(this.row.id, Number(entry['seq']) * 4 + this.openedEntries.length);
    this.row.chart.entries.push(entry);
    const src = entry['src'] === undefined ? {} : { src: String(entry['src']) };
    this.openedEntries.push({ due: String(entry['due']), id: String(entry['id']), ...src, uuid });
    return uuid;
  }

  private close(entry: JsonObject): string {
    const { chart, id } = this.row;
    // The second thing that a step opens here is always the hand-off.
    const uuid = childId(id, Number(entry['seq']) * 4 + (entry['src'] === 'handOff' ? 1 : 0));
    chart.entries = chart.entries.filter((other) => other !== entry);
    this.closedEntries.push({ id: String(entry['id']), uuid });
    return uuid;
  }

  private entry(invoke: string): JsonObject {
    const entry = this.row.chart.entries.find((open) => open['invoke'] === invoke);
    if (!entry) throw new Error(`"${invoke}" is not open in case ${this.row.id}.`);
    return entry;
  }

  private due(days: number): string {
    return new Date(Date.parse(this.at) + days * DAY_MS).toISOString();
  }

  private refused(): Error {
    return new Error(
      `Step ${this.step} of case ${this.row.id} is refused: ${JSON.stringify(this.journey.said[this.step])}`,
    );
  }
}

export function outboxId(caseId: string): string {
  return childId(caseId, 0xff);
}

/** Ids of what belongs to a case, without drawing or hashing. */
function childId(caseId: string, index: number): string {
  return caseId.slice(0, 34) + index.toString(16).padStart(2, '0');
}
