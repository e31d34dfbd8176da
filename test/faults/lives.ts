import pg from 'pg';

/** What a family lived through, whatever the order: sorted, so that two runs can be compared. */
export interface Life {
  /** Of people, partners and sub-cases: `family-support done(planApproval) {"decision":"approve"}`. */
  answers: string[];
  /** `otbasy-bank housing-advice`, as often as it was asked for. */
  handOffs: string[];
}

/** By the number of the family. Read past all of our services. */
export async function livesOf(url: string): Promise<Record<string, Life>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: answers } = await client.query<{ number: string; what: string; data: string }>(
      `select f.number, c.workflow_key || ' ' || j.type as what, p.data from qamqor.journal j
         join qamqor.cases c on c.id = j.case_id join qamqor.families f on f.id::text = c.subject
         join qamqor.payloads p on p.case_id = j.case_id and p.seq = j.seq where j.kind = 'answer'`,
    );
    const { rows: handOffs } = await client.query<{ number: string; what: string }>(
      `select f.number, h.partner || ' ' || h.service as what from qamqor.handoffs h
         join qamqor.cases c on c.id = h.case_id join qamqor.families f on f.id::text = c.subject`,
    );
    const lives: Record<string, Life> = {};
    const lifeOf = (number: string) => (lives[number] ??= { answers: [], handOffs: [] });
    for (const { number, what, data } of answers) lifeOf(number).answers.push(`${what} ${wordsOf(data)}`);
    for (const { number, what } of handOffs) lifeOf(number).handOffs.push(what);
    for (const life of Object.values(lives)) {
      life.answers.sort();
      life.handOffs.sort();
    }
    return lives;
  } finally {
    await client.end();
  }
}

/** Days, ids, and the numbers of certificates, which go by who comes first. */
const OF_THE_MOMENT = /^\d{4}-(?:\d\d-\d\d|\d{4}$)|^[\da-f]{8}-[\da-f]{4}-/;

/** What was answered, without what another run says otherwise. */
function wordsOf(data: string): string {
  const { output, error } = (JSON.parse(data) as { input: { output?: unknown; error?: unknown } }).input;
  return JSON.stringify(output ?? error, (key, value: unknown) =>
    key === '$personal' || (typeof value === 'string' && OF_THE_MOMENT.test(value)) ? undefined : value,
  );
}
