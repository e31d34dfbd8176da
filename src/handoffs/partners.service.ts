import type { Pool } from 'pg';
import { asOrganisation } from '../engine/cases.js';
import { ENTRY_OVERDUE } from '../engine/overdue.js';
import type { JsonObject } from '../statechart/types.js';
import type { Partner, PartnerDirectory } from './handoff.js';
import type { CircuitState } from './partner-circuit.js';

export interface PartnersDependencies {
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  partners: PartnerDirectory;
}

interface CircuitRow {
  partner: string;
  state: CircuitState;
  since: Date;
  open_until: Date | null;
  gone_url: string | null;
  gone_at: Date | null;
}

interface CountRow {
  partner: string;
  open: number;
  overdue: number;
}

/** The partner organisations as the centre sees them: what they do, whether they answer, what they were asked. */
export class PartnersService {
  constructor(private readonly deps: PartnersDependencies) {}

  /** @param seen keys of the partners that look: themselves, and what was sent to them. All of them when left out */
  async list(organisationId: string, seen?: string[]): Promise<JsonObject[]> {
    const { circuits, counts } = await asOrganisation(this.deps.pool, organisationId, async (run) => ({
      circuits: await run<CircuitRow>(
        'select partner, state, since, open_until, gone_url, gone_at from qamqor.partner_circuits',
      ),
      counts: await run<CountRow>(COUNTS, [seen !== undefined]),
    }));
    const shown = this.deps.partners.all().filter(({ key }) => seen === undefined || seen.includes(key));
    return shown.map((partner) => {
      const circuit = circuits.find((row) => row.partner === partner.key);
      const count = counts.find((row) => row.partner === partner.key);
      return present(partner, circuit, count);
    });
  }
}

function present(partner: Partner, circuit: CircuitRow | undefined, count: CountRow | undefined): JsonObject {
  const isDown = circuit !== undefined && circuit.state !== 'closed';
  return {
    key: partner.key,
    title: { ...partner.title },
    services: Object.entries(partner.services).map(([key, service]) => ({ key, title: { ...service.title } })),
    hasAddress: partner.client !== undefined,
    circuit: {
      state: circuit?.state ?? 'closed',
      since: circuit?.since.toISOString() ?? null,
      nextTryAt: isDown ? (circuit.open_until?.toISOString() ?? null) : null,
    },
    goneSince: goneSince(partner, circuit)?.toISOString() ?? null,
    open: count?.open ?? 0,
    overdue: count?.overdue ?? 0,
  };
}

/** Another address than the one that said it is not gone. */
function goneSince({ client }: Partner, circuit: CircuitRow | undefined): Date | null {
  return circuit?.gone_url && circuit.gone_url === client?.url ? circuit.gone_at : null;
}

const COUNTS = `select partner, count(*)::int as open,
    (count(*) filter (where ${ENTRY_OVERDUE('handoffs.id', '(select qamqor.qamqor_now())')}))::int as overdue
  from qamqor.handoffs where closed_at is null and (sent_at is not null or not $1::boolean) group by partner`;
