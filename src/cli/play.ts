import { createInterface } from 'node:readline/promises';
import { parseDelay } from '../statechart/delay.js';
import { Player, type PlayStep, play } from '../statechart/play.js';
import { type PlayEvent, parsePlayEvents } from '../statechart/play-events.js';
import type { JsonObject } from '../statechart/types.js';
import { readWorkflow } from '../workflows/folder.js';
import { EXIT, type ExitCode, type Terminal, TerminalError } from './terminal.js';
import { loadFound } from './workflow-paths.js';

export interface PlayOptions {
  /** As given by `--events`; without it the terminal asks. */
  events?: string;
  /** JSON of the case's input. */
  input?: string;
}

/** `workflow play FILE`: on a virtual clock, without a database, checked or not. */
export async function playWorkflow(path: string, options: PlayOptions, terminal: Terminal): Promise<ExitCode> {
  const workflow = loadFound({ path, files: readWorkflow(path) }, { forPlay: true });
  const input = readInput(options.input);
  if (options.events === undefined) return playByHand(new Player(workflow, { input }), terminal);
  const played = play(workflow, readEvents(options.events), { input });
  for (const step of played.steps) terminal.say(describe(step));
  await terminal.answer(played);
  return EXIT.ok;
}

async function playByHand(player: Player, terminal: Terminal): Promise<ExitCode> {
  const steps = [player.start()];
  terminal.say('Type NAME, NAME:{json}, done(id), done(id):{json}, error(id) or wait(P3D); an empty line ends.');
  terminal.say(describe(steps[0] as PlayStep));
  const keyboard = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' });
  keyboard.prompt();
  for await (const line of keyboard) {
    if (line.trim() === '') break;
    for (const step of playLine(player, line, terminal)) {
      steps.push(step);
      terminal.say(describe(step));
    }
    keyboard.prompt();
  }
  keyboard.close();
  await terminal.answer({ steps });
  return EXIT.ok;
}

/** A slip of the finger must not end the game. */
function playLine(player: Player, line: string, terminal: Terminal): PlayStep[] {
  try {
    return readEvents(line).map((event) => player.play(event));
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error;
    terminal.say(error.message);
    return [];
  }
}

function readEvents(list: string): PlayEvent[] {
  try {
    const events = parsePlayEvents(list);
    // A duration is read only when its turn comes: better all at once, before anything is played.
    for (const event of events)
      if (event.kind === 'wait' && Number.isNaN(Number(event.duration))) parseDelay(event.duration);
    return events;
  } catch (error) {
    throw new TerminalError('usage', error instanceof Error ? error.message : String(error));
  }
}

function readInput(text: string | undefined): JsonObject {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Told below: not JSON and not an object come to the same.
  }
  throw new TerminalError('usage', `--input must be a JSON object, like '{"familyId": "1"}'; it is ${text}.`);
}

function describe({ event, accepted, state, accepts, effects, fault, refused }: PlayStep): string {
  const lines = [`${event ?? 'start'}${accepted ? '' : ' (not taken)'} → ${JSON.stringify(state)}`];
  for (const effect of effects) {
    const due = effect.due ? `, due ${effect.due}` : '';
    lines.push(`  ${effect.kind} ${effect.src ? `${effect.src} ` : ''}${effect.id}${due}`);
  }
  if (fault) lines.push(`  cannot be done: ${fault.message}`);
  if (refused?.en) lines.push(`  refused: ${refused.en}`);
  if (accepts.length > 0) lines.push(`  accepts ${accepts.join(', ')}`);
  return lines.join('\n');
}
