import { Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { AppError } from '../engine/errors.js';
import { withTransaction } from '../platform/database.js';
import type { KeyReads } from '../platform/key-reads.js';
import { hashPassword, REFRESH_AFTER_S, SESSION_S } from './auth.js';
import type { Principal } from './principal.js';
import type { RoleBook } from './roles.js';

export interface NewAccount {
  email: string;
  name: string;
  /** An account that is there keeps its own where this is left out. */
  password?: string | undefined;
  roles: string[];
  organisationId: string;
  /** Goes away when the demonstration is off. */
  demonstration?: boolean;
  /** Who grants the roles. */
  by: string;
}

interface PrincipalRow {
  id: string;
  organisation_id: string;
  name: string;
  email: string;
  roles: string[];
}

const PRINCIPAL = `select a.id, a.organisation_id, a.name, a.email,
    array(select r.role from qamqor.account_roles r where r.account_id = a.id order by r.role) as roles
  from qamqor.accounts a where a.disabled_at is null`;

/** Who there is, and with which roles. */
@Injectable()
export class AccountsService {
  constructor(
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
    private readonly reads: Pick<KeyReads, 'row'>,
    /** UUIDv7. */
    private readonly id: () => string,
    readonly roles: RoleBook,
  ) {}

  /** As of now: a role that was taken away a moment ago, or that there is no more, is not among them. Null for absent and disabled accounts. */
  async principal(accountId: string): Promise<Principal | null> {
    const { rows } = await this.pool.query<PrincipalRow>({
      name: 'principal',
      text: `${PRINCIPAL} and a.id = $1`,
      values: [accountId],
    });
    return rows[0] ? this.toPrincipal(rows[0]) : null;
  }

  /**
   * Whose session it is, as of now, in one look: every request asks. By the database's clock, whatever this process's says,
   * and by its real one: a simulation that moves time on signs nobody out. `ageing`: it is time to prolong it.
   */
  async ofSession(token: string): Promise<{ principal: Principal; expiresAt: Date; ageing: boolean } | null> {
    const statement = {
      name: 'principals-of-sessions',
      text: `select s.token as key, p.*, s.expires_at,
          s.expires_at < clock_timestamp() + make_interval(secs => ${SESSION_S - REFRESH_AFTER_S}) as ageing
        from qamqor.account_sessions s join (${PRINCIPAL}) p on p.id = s.user_id
        where s.token = any ($1::text[]) and s.expires_at > clock_timestamp()`,
    };
    const row = await this.reads.row<PrincipalRow & { expires_at: Date; ageing: boolean }>(statement, token);
    return row ? { principal: this.toPrincipal(row), expiresAt: row.expires_at, ageing: row.ageing } : null;
  }

  /** Everybody of an organisation who may sign in, by name. */
  async ofOrganisation(organisationId: string): Promise<Principal[]> {
    const text = `${PRINCIPAL} and a.organisation_id = $1 order by a.name, a.id`;
    const { rows } = await this.pool.query<PrincipalRow>(text, [organisationId]);
    return rows.map((row) => this.toPrincipal(row));
  }

  async principalByEmail(email: string): Promise<Principal | null> {
    const { rows } = await this.pool.query<PrincipalRow>(`${PRINCIPAL} and a.email = $1`, [email.toLowerCase()]);
    return rows[0] ? this.toPrincipal(rows[0]) : null;
  }

  /**
   * Makes the account, or brings name, password and roles of the one with this e-mail to what is given. With another
   * password its sessions end. @throws AppError `schema` where there is no such role
   */
  async save(account: NewAccount): Promise<string> {
    const email = account.email.trim().toLowerCase();
    const wrong = account.roles.find((role) => !this.roles.knows(role));
    if (wrong !== undefined)
      throw new AppError('schema', 422, `There is no role "${wrong}".`, {}, [
        { path: '/roles', message: `unknown role ${wrong}`, rule: 'unknown-role', facts: { role: wrong } },
      ]);
    const password = account.password === undefined ? undefined : await hashPassword(account.password);
    return withTransaction(this.pool, async (client) => {
      const { rows } = await client.query<{ id: string }>(
        `insert into qamqor.accounts (id, organisation_id, name, email, email_verified, demonstration) values ($1, $2, $3, $4, true, $5)
         on conflict (email) do update set name = excluded.name, updated_at = clock_timestamp(), disabled_at = null
         returning id`,
        [this.id(), account.organisationId, account.name, email, account.demonstration ?? false],
      );
      const id = rows[0]?.id ?? '';
      if (password !== undefined) {
        await client.query(
          `insert into qamqor.account_credentials (id, user_id, account_id, provider_id, password) values ($1, $2::uuid, $2::uuid::text, 'credential', $3)
           on conflict (provider_id, account_id) do update set password = excluded.password, updated_at = clock_timestamp()`,
          [this.id(), id, password],
        );
        // Those of the demonstration get theirs again at every start.
        if (!account.demonstration) await client.query('delete from qamqor.account_sessions where user_id = $1', [id]);
      }
      await client.query('delete from qamqor.account_roles where account_id = $1 and role <> all ($2::text[])', [
        id,
        account.roles,
      ]);
      await client.query(
        `insert into qamqor.account_roles (account_id, role, organisation_id, granted_by)
         select $1, role, $2, $4 from unnest($3::text[]) as role on conflict do nothing`,
        [id, account.organisationId, account.roles, account.by],
      );
      return id;
    });
  }

  /** Ends every session at once and takes no new ones. */
  async disable(accountId: string): Promise<void> {
    await withTransaction(this.pool, async (client) => {
      await client.query('update qamqor.accounts set disabled_at = clock_timestamp() where id = $1', [accountId]);
      await client.query('delete from qamqor.account_sessions where user_id = $1', [accountId]);
    });
  }

  private toPrincipal({ id, organisation_id: organisationId, name, email, roles: given }: PrincipalRow): Principal {
    const roles = given.filter((role) => this.roles.knows(role));
    return { account: id, organisationId, name, email, roles, may: this.roles.rightsOf(roles) };
  }
}
