import type { Pool } from 'pg';
import type { Delivery, OutboxRow } from '../engine/types.js';
import type { NotificationsService } from '../notifications/notifications.service.js';
import type { Language, Text } from '../statechart/types.js';

export interface TaskEndsDependencies {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  notifications: Pick<NotificationsService, 'tell'>;
}

/** Tells people that what they were working on is no longer wanted. */
export class TaskEnds {
  constructor(private readonly deps: TaskEndsDependencies) {}

  /** Topic `task.close`: a task was cancelled. Whoever cancelled it by their own act knows already. */
  async tellOwner(row: OutboxRow): Promise<Delivery> {
    const { rows } = await this.deps.pool.query<{ owner: string; title: string; number: string }>({
      name: 'owner-of-cancelled-task',
      text: `select assignee as owner, title, case_number as number from qamqor.tasks
        where id = $1 and status = 'cancelled' and assignee is not null and assignee::text is distinct from closed_by`,
      values: [row.entryId],
    });
    const [task] = rows;
    if (task) {
      const text = textFor(JSON.parse(task.title) as Text, task.number);
      await this.deps.notifications.tell({
        about: row,
        template: 'task-cancelled',
        recipient: `account:${task.owner}`,
        text,
      });
    }
    return { kind: 'done' };
  }
}

function textFor(title: Text, number: string): Record<Language, string> {
  const called = (language: Language) => title[language] ?? title.en ?? Object.values(title)[0] ?? '';
  return {
    kk: `${number} ісі: «${called('kk')}» тапсырмасы енді қажет емес. Жазып бастаған жауабыңыз 30 күн сақталады.`,
    ru: `Дело ${number}: задача «${called('ru')}» больше не нужна. Начатый ответ хранится 30 дней.`,
    en: `Case ${number}: the task "${called('en')}" is no longer needed. What you had begun to write is kept for 30 days.`,
  };
}
