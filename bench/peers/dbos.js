import { DBOS } from '@dbos-inc/dbos-sdk';
import { Meetings } from './meetings.js';

/** As its documents set it up for production: its own pool, no tracing, system tables in PostgreSQL. */
export const SETTINGS = { systemDatabasePoolSize: 20, useListenNotify: true };
const PATIENCE_S = 600;

/** A journey is a workflow: it receives what comes from outside, and what must be done for it are steps. */
export class Peer {
  #journeys = new Map();
  #handles = [];
  #applied = new Meetings();
  #workflow = DBOS.registerWorkflow((id, said) => this.#lead(id, said), { name: 'journey' });

  #straight = DBOS.registerWorkflow((from) => addFive(from), { name: 'straight' });

  constructor({ url }) {
    this.url = url;
  }

  async start() {
    DBOS.setConfig({ name: 'bench', systemDatabaseUrl: this.url, logLevel: 'error', ...SETTINGS });
    await DBOS.launch();
  }

  async take(step, journey) {
    const { caseId, said } = journey;
    if (step === 'open') {
      this.#journeys.set(caseId, journey);
      this.#handles.push(await DBOS.startWorkflow(this.#workflow, { workflowID: caseId })(caseId, said.open));
      await this.#applied.hear(`${caseId}:open`);
      return;
    }
    await DBOS.send(caseId, said[step], step);
    // Ours is applied when its sender is answered: so it is here.
    await this.#applied.hear(`${caseId}:${step}`);
  }

  /** Five background steps, from the call to their result. */
  async straight(id, from) {
    const handle = await DBOS.startWorkflow(this.#straight, { workflowID: id })(from);
    return await handle.getResult();
  }

  async settled() {
    await Promise.all(this.#handles.splice(0).map((handle) => handle.getResult()));
  }

  async stop() {
    await DBOS.shutdown();
  }

  async #lead(id, input) {
    const context = { ...input };
    await DBOS.runStep(async () => ({ task: 'screen' }), { name: 'open screen' });
    this.#applied.tell(`${id}:open`);
    Object.assign(context, await this.#hear(id, 'screen'));
    Object.assign(context, await this.#hear(id, 'plan'));
    const journey = this.#journeys.get(id);
    // The partner answers at once, in this process, as it does for every contestant.
    Object.assign(context, await DBOS.runStep(async () => journey.said.partner, { name: 'partner' }));
    journey.answer();
    Object.assign(context, await this.#hear(id, 'enrol'));
    Object.assign(context, await this.#hear(id, 'attend'));
    await DBOS.runStep(async () => ({ task: 'assess' }), { name: 'open assess' });
    Object.assign(context, await this.#hear(id, 'assess'));
    this.#journeys.delete(id);
    return context;
  }

  async #hear(id, step) {
    const said = await DBOS.recv(step, PATIENCE_S);
    if (said === null) throw new Error(`Nobody said ${step}.`);
    this.#applied.tell(`${id}:${step}`);
    return said;
  }
}

async function addFive(from) {
  let sum = 0;
  for (let step = 1; step <= 5; step++) sum = await DBOS.runStep(async () => sum + from, { name: `step${step}` });
  return sum;
}
