import { openPool } from '../../src/platform/database.js';
import { drive } from '../drive.js';
import { EngineContestant } from '../engine-contestant.js';
import { makeJourneys, STEPS } from '../journey.js';
import { SETTINGS } from '../settings.js';

/** Cases of which all others are copies. */
const MODELS = 100;
/** Copies that one statement makes. */
const AT_ONCE = 50_000;
const DRIVES = 3;

export interface GrowthFigures {
  /** Open cases that are stored, each with its journal, its task, its kept command and its deadline. */
  few: number;
  many: number;
  /** Milliseconds per event with few and with many, the median of three runs each. */
  msPerEvent: { few: number; many: number };
  /** Node's own, which no neighbour lengthens. */
  cpuMsPerEvent: { few: number; many: number };
  /** On disk, with indexes, when many are stored. */
  gigabytes: number;
}

/** What an event costs when few cases are stored, and when many are. */
export async function growth(
  url: string,
  { few, many, journeys, inFlight }: { few: number; many: number; journeys: number; inFlight: number },
): Promise<GrowthFigures> {
  const owner = openPool(url, 'owner', { max: 1, name: 'bench', statementTimeoutMs: 0 });
  const engine = new EngineContestant(url, SETTINGS.engine.concurrency);
  try {
    await engine.start();
    for (const journey of makeJourneys(MODELS)) await engine.take('open', journey);
    await owner.query('create table qamqor.bench_models as select id from qamqor.cases');
    const cost = async (stored: number) => {
      await fill(owner, stored);
      // Few or many: this process is as warm as it will be, and what was just written is on its way to the disk.
      await drive(engine, journeys, inFlight);
      const runs: { wall: number; cpu: number }[] = [];
      for (let run = 0; run < DRIVES; run++) {
        const before = process.cpuUsage();
        const { eventsPerSecond } = await drive(engine, journeys, inFlight);
        const { user, system } = process.cpuUsage(before);
        runs.push({ wall: 1000 / eventsPerSecond, cpu: (user + system) / 1000 / (journeys * STEPS.length) });
      }
      return { wall: middle(runs.map(({ wall }) => wall)), cpu: middle(runs.map(({ cpu }) => cpu)) };
    };
    const [little, much] = [await cost(few), await cost(many)];
    const { rows } = await owner.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
    return {
      few,
      many,
      msPerEvent: { few: little.wall, many: much.wall },
      cpuMsPerEvent: { few: little.cpu, many: much.cpu },
      gigabytes: Number(rows[0]?.bytes) / 1e9,
    };
  } finally {
    await engine.stop();
    await owner.query('drop table if exists qamqor.bench_models');
    await owner.end();
  }
}

type Owner = ReturnType<typeof openPool>;

/** Copies the models until so many cases are open. Hashes and texts are those of the models: nobody reads them here. */
async function fill(owner: Owner, stored: number): Promise<void> {
  const { rows } = await owner.query<{ open: number }>(
    `select count(*)::int as open from qamqor.cases where status = 'active'`,
  );
  for (let open = rows[0]?.open ?? 0; open < stored; open += AT_ONCE) {
    await owner.query(
      `create temp table copies as select id as model, uuidv7() as id, 'B-' || (g + $1::bigint) as number
       from (select id, (row_number() over ())::bigint as g from qamqor.bench_models, generate_series(1, $2)) as models limit $3`,
      [open + 1_000_000_000, Math.ceil(AT_ONCE / MODELS), Math.min(AT_ONCE, stored - open)],
    );
    await copy(owner, 'cases', 'id', { id: 'c.id', number: 'c.number', subject: 'c.number' });
    await copy(owner, 'journal', 'case_id', { case_id: 'c.id' });
    await copy(owner, 'payloads', 'case_id', { case_id: 'c.id' });
    await copy(owner, 'commands', 'case_id', { case_id: 'c.id', id: 'c.number' });
    await copy(owner, 'tasks', 'case_id', { case_id: 'c.id', id: 'uuidv7()' });
    await copy(owner, 'timers', 'case_id', { case_id: 'c.id', id: 'uuidv7()' });
    await owner.query('drop table copies');
  }
  await owner.query('vacuum analyze');
}

async function copy(owner: Owner, table: string, key: string, values: Record<string, string>): Promise<void> {
  const { rows } = await owner.query<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_schema = 'qamqor' and table_name = $1 and is_generated = 'NEVER' order by ordinal_position`,
    [table],
  );
  const names = rows.map(({ name }) => `"${name}"`).join(', ');
  const given = rows.map(({ name }) => values[name] ?? `m."${name}"`).join(', ');
  await owner.query(
    `insert into qamqor.${table} (${names}) select ${given} from copies c join qamqor.${table} m on m.${key} = c.model`,
  );
}

function middle(values: number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}
