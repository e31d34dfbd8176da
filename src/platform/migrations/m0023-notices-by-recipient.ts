import { Migration } from '@mikro-orm/migrations';

/** People read what they were told: the newest of one recipient is found without reading the others'. */
export class M0023NoticesByRecipient extends Migration {
  override up(): void {
    this.addSql(
      'create index notifications_recipient on qamqor.notifications (organisation_id, recipient, created_at desc, id desc);',
    );
  }
}
