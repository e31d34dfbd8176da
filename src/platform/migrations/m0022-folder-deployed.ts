import { Migration } from '@mikro-orm/migrations';

/** What the folder of workflows was when all of it was deployed: a start that finds it so need not check it again. */
export class M0022FolderDeployed extends Migration {
  override up(): void {
    this.addSql(`
      create table qamqor.deployed_folders (
        organisation_id uuid primary key references qamqor.organisations,
        fingerprint text not null
      );
      alter table qamqor.deployed_folders enable row level security;
      create policy deployed_folders_app on qamqor.deployed_folders to qamqor_app
        using (organisation_id = (select qamqor.organisation())) with check (organisation_id = (select qamqor.organisation()));
      grant select, insert, update on qamqor.deployed_folders to qamqor_app;
    `);
  }
}
