const title = (kk: string) => ({ kk, ru: `${kk} (ru)`, en: `${kk} (en)` });
const stages = { first: title('Бірінші'), second: title('Екінші') };

/** Two stages, the first with two things to do side by side. */
const workflow = {
  id: 'two-steps',
  title: title('Екі қадам'),
  stages,
  events: { STOP: { title: title('Тоқтату'), roles: ['registrar'] } },
  context: { reason: null },
  contextSchema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      reason: {
        type: ['string', 'null'],
        enum: [null, 'stopped'],
        'x-title': title('Себебі'),
        'x-labels': { stopped: title('Тоқтатылды') },
      },
    },
  },
  initial: 'first',
  states: {
    first: {
      type: 'parallel',
      meta: { stage: 'first', title: title('Бірінші кезең') },
      on: { STOP: { target: 'ended', actions: { type: 'set', params: { reason: 'stopped' } } } },
      onDone: 'second',
      states: {
        paper: {
          initial: 'filling',
          states: {
            filling: {
              meta: { title: title('Қағаз толтыру') },
              invoke: {
                id: 'paper',
                src: 'task',
                input: { form: 'paper', role: 'registrar', deadline: '1 day', escalation: 'task' },
                onDone: 'filled',
              },
            },
            filled: { type: 'final' },
          },
        },
        waiting: {
          initial: 'counting',
          states: {
            counting: { meta: { title: title('Күту') }, after: { soon: 'over' } },
            over: { type: 'final' },
          },
        },
      },
    },
    second: { meta: { stage: 'second', title: title('Екінші кезең') }, after: { soon: 'ended' } },
    ended: { type: 'final', meta: { title: title('Аяқталды') } },
  },
  delays: { soon: '10 days' },
};
const form = {
  'x-version': 1,
  'x-title': title('Қағаз'),
  type: 'object',
  additionalProperties: false,
  required: ['ready'],
  properties: { ready: { type: 'boolean', 'x-title': title('Дайын') } },
};

/** A small pipeline that is nobody's in particular, in three languages. */
export const TWO_STEPS = { workflow, files: { 'forms/paper.yaml': form } };
