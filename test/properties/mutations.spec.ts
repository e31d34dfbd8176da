import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type Catalogue, parseCatalogue } from '../../src/statechart/catalogue.js';
import { check } from '../../src/statechart/check.js';
import { LoadError, loadWorkflow } from '../../src/statechart/load.js';
import type { Finding, Json, JsonObject } from '../../src/statechart/types.js';
import { readCatalogue, readWorkflow } from '../../src/workflows/folder.js';

const FOLDER = 'workflows';
const shipped = readdirSync(FOLDER).filter((name) => statSync(join(FOLDER, name)).isDirectory());
const LANGUAGES = ['kk', 'ru', 'en'];

/** One thing taken out of a workflow's files or of what lies beside them, and the rules that may say so. */
interface Mutant {
  what: string;
  rules: string[];
  files?: Record<string, string>;
  catalogue?: Catalogue;
  /** It may show only when the chart is walked; every other one is refused by a look at its states. */
  explores?: boolean;
  /** Each must be named by a finding of its own; many where many things were taken out at once. */
  places: Place[];
}

const NOT_EXPLORED = { configurations: 0, ways: 0 };

/** What a finding says of the place: a state, words of its message, or both. */
interface Place {
  state?: string;
  words?: string;
}

type Path = (string | number)[];

const full = process.env.QAMQOR_TEST === 'full';
const seed = Number(process.env.QAMQOR_TEST_SEED ?? Date.now() % 1_000_000);
/** Charts of one workflow that are walked in every run: that takes seconds each. At full size all are. */
const WALKED = 4;

describe(`a workflow that is shipped (seed ${seed}; QAMQOR_TEST_SEED repeats it)`, () => {
  it('exists', () => {
    expect(shipped.length).toBeGreaterThan(0);
  });

  it.each(shipped)('%s has no finding', (name) => {
    expect(findings(readWorkflow(join(FOLDER, name)), catalogueOf(name))).toEqual([]);
  });

  it.each(shipped)(
    '%s is refused when anything that a family relies on is taken away',
    (name) => {
      const files = asJson(readWorkflow(join(FOLDER, name)));
      const catalogue = catalogueOf(name);
      const killed: Record<string, number> = {};
      const survivors = (mutant: Mutant, quick: boolean) =>
        survivorsOf(mutant, findings(mutant.files ?? files, mutant.catalogue ?? catalogue, quick), killed);
      let count = 0;
      const alive: string[] = [];
      const unseen: Mutant[] = [];
      for (const mutant of mutantsOf(files, catalogue)) {
        count += 1;
        const left = survivors(mutant, true);
        if (mutant.explores && left.length > 0) unseen.push(mutant);
        else alive.push(...left);
      }
      const walked = unseen.filter(isWalked);
      for (const mutant of walked) alive.push(...survivors(mutant, false));
      console.info(`${name}: ${count} mutants, walked ${walked.length} of ${unseen.length}, ${JSON.stringify(killed)}`);
      expect(alive).toEqual([]);
      expect(walked.length).toBeGreaterThanOrEqual(Math.min(WALKED, unseen.length));
      expect(Object.keys(killed).length).toBeGreaterThan(10);
    },
    full ? 1_800_000 : 170_000,
  );
});

/** Evenly over the chart; others by each seed. */
function isWalked(_mutant: Mutant, place: number, all: Mutant[]): boolean {
  const oneIn = full ? 1 : Math.max(1, Math.floor(all.length / WALKED));
  return place % oneIn === seed % oneIn;
}

/** The places that no finding names. */
function survivorsOf({ what, rules, places }: Mutant, found: Finding[], killed: Record<string, number>): string[] {
  const fitting = found.filter(({ severity, rule }) => severity === 'error' && rules.includes(rule));
  return places.flatMap((place) => {
    const { state, words = '' } = place;
    // That a state is never come to is told of that state, and not of the one that led there.
    const isThere = (one: Finding) => state === undefined || one.state === state || one.rule === 'unreachable';
    const finding = fitting.find((one) => isThere(one) && one.message.includes(words));
    if (finding === undefined)
      return `${what} ${JSON.stringify(place)} (found only: ${[...new Set(found.map((one) => `${one.rule} ${one.state}`))].join() || 'nothing'})`;
    killed[finding.rule] = (killed[finding.rule] ?? 0) + 1;
    return [];
  });
}

/** The same files, read in a tenth of the time. */
function asJson(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, JSON.stringify(parse(text))]));
}

function catalogueOf(name: string): Catalogue {
  const files = readWorkflow(join(FOLDER, name));
  const used = [...walk(parse(files['workflow.yaml'] ?? '') as Json)];
  const services = used.flatMap(({ value }) =>
    isMap(value) && value.src === 'service' && isMap(value.input) && typeof value.input.name === 'string'
      ? [value.input.name]
      : [],
  );
  return { ...parseCatalogue(readCatalogue(FOLDER)), services, workflows: shipped };
}

function findings(files: Record<string, string>, catalogue: Catalogue, quick = false): Finding[] {
  try {
    return check(loadWorkflow(files), catalogue, quick ? NOT_EXPLORED : undefined);
  } catch (error) {
    if (error instanceof LoadError) return error.findings;
    throw error;
  }
}

function* mutantsOf(files: Record<string, string>, catalogue: Catalogue): Generator<Mutant> {
  yield* withoutPartOf(files, catalogue);
  for (const [file, text] of Object.entries(files)) {
    const content = JSON.parse(text) as Json;
    const make: Make = (what, rules, places, change) => {
      const copy = structuredClone(content);
      change(copy);
      return { what: `${file}: ${what}`, rules, places, files: { ...files, [file]: JSON.stringify(copy) } };
    };
    yield* wordsOf(content, make);
    if (file === 'workflow.yaml') yield* partsOf(content, make);
    const [, name] = /^(?:forms|messages)\/(.+)\.yaml$/.exec(file) ?? [];
    if (name !== undefined)
      yield {
        what: `without ${file}`,
        rules: ['unknown-form', 'unknown-template'],
        places: [{ words: `"${name}"` }],
        files: Object.fromEntries(Object.entries(files).filter(([path]) => path !== file)),
      };
  }
}

type Make = (what: string, rules: string[], places: Place[], change: (copy: Json) => void) => Mutant;

/** Each language of each text: all texts of a file lose it at once, and each must be named. */
function* wordsOf(content: Json, make: Make): Generator<Mutant> {
  const texts = [...walk(content)].filter(({ path, value }) => {
    const keys = isMap(value) ? Object.keys(value) : [];
    return keys.length > 0 && path.at(-1) !== 'properties' && keys.every((key) => LANGUAGES.includes(key));
  });
  const places = texts.map(({ path }) => ({ words: `${path.join('.') || 'the whole file'}:` }));
  for (const language of texts.length > 0 ? LANGUAGES : [])
    yield make(`no ${language}`, ['no-translation'], places, (copy) => {
      for (const { path } of texts) remove(copy, [...path, language]);
    });
}

/** Deadlines, ladders and defaults one by one; of what stands alone in its state, all at once. */
function* partsOf(content: Json, make: Make): Generator<Mutant> {
  const groups = new Map<string, Path[]>();
  const confirmed = confirmedIn(content);
  const together = (rule: string, path: Path) => groups.set(rule, [...(groups.get(rule) ?? []), path]);
  for (const { path, value, parent } of walk(content)) {
    const name = path.at(-1);
    const gone = (rules: string[]) =>
      make(`no ${path.join('.')}`, rules, [{ state: stateOf(path), words: invokeOf(content, path) }], (copy) =>
        remove(copy, path),
      );
    if (name === 'deadline') yield gone(['no-deadline']);
    if (name === 'escalation') yield gone(['no-escalation']);
    if (isMap(parent) && 'partner' in parent && (name === 'partner' || name === 'service'))
      together(`no-${name}`, path);
    if (isMap(parent) && 'form' in parent && (name === 'form' || name === 'role')) together(`no-${name}`, path);
    if (name === 'template') together('no-template', path);
    if (name === 'onDone' && path.at(-2) === 'invoke') together('no-on-done', path);
    if (name === 'onError' && isMap(parent) && parent.src === 'handOff') together('no-on-error', path);
    if (isTarget(path, value)) yield* targetsOf(path, confirmed, make);
    if (hasDefault(value) && (isAnswer(path) || (isDecision(path) && onlyDecides(parent))))
      yield make(`no default of ${path.join('.')}`, ['no-default'], [{ state: stateOf(path) }], (copy) =>
        remove(copy, [...path, value.length - 1]),
      );
  }
  for (const [rule, paths] of groups)
    yield make(rule, [rule], placesOf(paths), (copy) => {
      for (const path of paths) remove(copy, path);
    });
  yield* lostTargets(content, make);
}

function hasDefault(value: Json): value is Json[] {
  const last = Array.isArray(value) && value.length > 1 ? value.at(-1) : null;
  return isMap(last) && !('guard' in last);
}

/** Nothing else happens in the state: whoever is not led on by its choice stays for ever. */
function onlyDecides(state: Json): boolean {
  return isMap(state) && ['states', 'invoke', 'after', 'on'].every((name) => !(name in state));
}

/** Every target names a state that is not there. */
function* lostTargets(content: Json, make: Make): Generator<Mutant> {
  const targets = [...walk(content)].filter(({ path, value }) => isTarget(path, value)).map(({ path }) => path);
  const [initials, others] = [
    targets.filter((path) => path.at(-1) === 'initial'),
    targets.filter((path) => path.at(-1) !== 'initial'),
  ];
  for (const [rule, paths] of [['initial-unknown', initials] as const, ['target-unknown', others] as const])
    yield make(rule, [rule], placesOf(paths), (copy) => {
      for (const path of paths) set(copy, path, 'noSuchState');
    });
}

function placesOf(paths: Path[]): Place[] {
  return paths.map((path) => ({ state: stateOf(path) }));
}

/** `states.open.states.intake.invoke` belongs to the state `open.intake`. */
function stateOf(path: Path): string {
  const states: Path = [];
  for (let index = 0; path[index] === 'states' && path[index + 1] !== undefined; index += 2)
    states.push(path[index + 1] as string);
  return states.join('.');
}

/** What a finding calls the invocation that the path belongs to; nothing where it is the state itself. */
function invokeOf(content: Json, path: Path): string {
  const input = path.lastIndexOf('input');
  if (input < 0 || path.includes('meta')) return '';
  const { id } = at(content, path.slice(0, input)) as JsonObject;
  return typeof id === 'string' ? `"${id}"` : '';
}

/** An answer's, a choice's, a timer's or an event's only way on is gone. */
function* targetsOf(path: Path, confirmed: ReadonlySet<string>, make: Make): Generator<Mutant> {
  const owner = path.at(-1) === 'target' ? path.slice(0, -1) : path;
  const change = (copy: Json) => (path.at(-1) === 'target' ? remove(copy, path) : set(copy, path, {}));
  const is = (kind: (path: Path) => boolean) => kind(owner) || kind(owner.slice(0, -1));
  const gone = (...rules: string[]) =>
    make(`no target at ${path.join('.')}`, rules, [{ state: stateOf(path) }], change);
  if (is(isDecision)) yield { ...gone('decision-leads-nowhere', 'unreachable', 'no-end'), explores: true };
  // An event that people are asked to confirm leads on; another one may only set something down.
  if (is((one) => isEventIn(confirmed, one))) yield gone('event-leads-nowhere');
  if (is(isAnswer))
    yield {
      ...gone('answer-leads-nowhere', 'timer-leads-nowhere', 'waits-for-ever', 'no-end', 'unreachable'),
      explores: true,
    };
}

/** `onDone`, `onError` and single timers, whose branches must always lead on. */
function isAnswer(path: Path): boolean {
  return path.at(-1) === 'onDone' || path.at(-1) === 'onError' || path.at(-2) === 'after';
}

/** A choice that is made by looking, without anybody's answer. */
function isDecision(path: Path): boolean {
  return path.at(-1) === 'always';
}

function isEventIn(types: ReadonlySet<string>, path: Path): boolean {
  return path.at(-2) === 'on' && types.has(String(path.at(-1)));
}

function confirmedIn(content: Json): Set<string> {
  const events = isMap(content) && isMap(content.events) ? content.events : {};
  return new Set(Object.keys(events).filter((type) => isMap(events[type]) && 'confirm' in events[type]));
}

function isTarget(path: Path, value: Json): boolean {
  if (typeof value !== 'string') return false;
  const [grand, last] = [path.at(-2), path.at(-1)];
  if (last === 'target') return true;
  return (
    last === 'onDone' ||
    last === 'onError' ||
    grand === 'on' ||
    grand === 'after' ||
    (last === 'initial' && path.length > 1)
  );
}

/** Each role, partner, service and ladder that the workflow names, taken out of the catalogue. */
function* withoutPartOf(files: Record<string, string>, catalogue: Catalogue): Generator<Mutant> {
  const content = JSON.parse(files['workflow.yaml'] ?? '') as Json;
  const values = [...walk(content)];
  const named = new Set(values.flatMap(({ value }) => (typeof value === 'string' ? [value] : [])));
  const { roles = [], ladders = [], partners = [] } = catalogue;
  const lacks = (what: string, rule: string, words: string, changed: Partial<Catalogue>): Mutant => ({
    what: `catalogue: ${what}`,
    rules: [rule],
    catalogue: { ...catalogue, ...changed },
    places: [{ words }],
  });
  for (const role of roles.filter((one) => named.has(one)))
    yield lacks(`no role ${role}`, 'unknown-role', `"${role}"`, { roles: roles.filter((other) => other !== role) });
  for (const ladder of ladders.filter(({ key }) => named.has(key))) {
    const others = ladders.filter((other) => other !== ladder);
    const climbed = (own: string[]) => ({ ladders: [...others, { ...ladder, roles: own }] });
    yield lacks(`no ladder ${ladder.key}`, 'unknown-ladder', `"${ladder.key}"`, { ladders: others });
    const climbers = values.filter(({ path, value }) => path.at(-1) === 'escalation' && value === ladder.key);
    yield {
      ...lacks(`ladder ${ladder.key} without roles`, 'no-escalation', '', climbed([])),
      places: climbers.map(({ path }) => ({ state: stateOf(path), words: invokeOf(content, path) })),
    };
    const stranger = climbed([...ladder.roles, 'nobody']);
    yield lacks(
      `ladder ${ladder.key} with a role that there is not`,
      'unknown-role',
      `The ladder "${ladder.key}"`,
      stranger,
    );
  }
  for (const partner of partners.filter(({ key }) => named.has(key))) {
    const others = partners.filter((other) => other !== partner);
    yield lacks(`no partner ${partner.key}`, 'unknown-partner', `"${partner.key}"`, { partners: others });
    for (const service of partner.services.filter((one) => named.has(one))) {
      const changed = { ...partner, services: partner.services.filter((other) => other !== service) };
      const words = `asks ${partner.key} for "${service}"`;
      yield lacks(`${partner.key} without ${service}`, 'unknown-service', words, { partners: [...others, changed] });
    }
  }
}

function* walk(
  value: Json,
  path: Path = [],
  parent: Json = null,
): Generator<{ path: Path; value: Json; parent: Json }> {
  yield { path, value, parent };
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value))
    yield* walk(part, [...path, Array.isArray(value) ? Number(key) : key], value);
}

function isMap(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: Json, path: Path): JsonObject | Json[] {
  return path.reduce<Json>((part, key) => (part as JsonObject)[key as string] as Json, value) as JsonObject | Json[];
}

function remove(content: Json, path: Path): void {
  const parent = at(content, path.slice(0, -1));
  const key = path.at(-1);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[String(key)];
}

function set(content: Json, path: Path, value: Json): void {
  const parent = at(content, path.slice(0, -1));
  (parent as JsonObject)[String(path.at(-1))] = value;
}
