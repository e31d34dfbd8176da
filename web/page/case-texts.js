/** What the page says about opening cases and acting on them by hand, in each language. */
export const CASE_TEXTS = {
  kk: {
    families: 'Отбасылар',
    findFamily: 'Отбасының нөмірі, аты-жөні, телефоны немесе ЖСН',
    askForFamily: 'Отбасын аты-жөні, телефоны немесе нөмірі бойынша іздеңіз.',
    casesOfFamily: 'Отбасының істері',
    noCases: 'Бұл отбасының ісі әлі жоқ.',
    newFamily: 'Жаңа отбасын тіркеп, іс ашу',
    newFamilyConfirm:
      'Алдымен іздеп көріңіз: отбасы бұрын тіркелген болуы мүмкін. Іс бірден ашылып, тапсырмалары беріледі.',
    openCase: 'Іс ашу',
    openConfirm: 'Отбасыға іс ашылып, алғашқы тапсырмалары бірден беріледі.',
    act: {
      suspend: {
        title: 'Істі уақытша тоқтату',
        confirm:
          'Іс жалғастырылғанша мерзімдері жүрмейді, тапсырмалары орындалмайды. Серіктестердің жауаптары сақталады.',
      },
      resume: {
        title: 'Істі жалғастыру',
        confirm: 'Мерзімдер іс тоқтап тұрған уақытқа ұзартылады, осы аралықта келген жауаптар ескеріледі.',
      },
      cancel: {
        title: 'Істі тоқтатып, жабу',
        confirm: 'Іс аяқталмай жабылады: ашық тапсырмалары алынады, жолдамалары кері қайтарылады.',
      },
      reopen: {
        title: 'Істі қайта ашу',
        confirm: 'Іс жұмыс процесінде көрсетілген қадамнан қайта басталады, сол қадамның тапсырмалары қайта беріледі.',
      },
    },
  },
  ru: {
    families: 'Семьи',
    findFamily: 'Номер семьи, имя, телефон или ИИН',
    askForFamily: 'Найдите семью по имени, телефону или номеру.',
    casesOfFamily: 'Дела семьи',
    noCases: 'У этой семьи пока нет дел.',
    newFamily: 'Записать новую семью и открыть дело',
    newFamilyConfirm:
      'Сначала поищите: возможно, семья уже записана. Дело откроется сразу, и будут поставлены его задачи.',
    openCase: 'Открыть дело',
    openConfirm: 'По семье откроется дело, и сразу будут поставлены его первые задачи.',
    act: {
      suspend: {
        title: 'Приостановить дело',
        confirm: 'Пока дело не возобновят, его сроки не идут и задачи не выполняются. Ответы партнёров сохраняются.',
      },
      resume: {
        title: 'Возобновить дело',
        confirm: 'Сроки сдвинутся на время, пока дело стояло; ответы, пришедшие за это время, будут учтены.',
      },
      cancel: {
        title: 'Прекратить дело',
        confirm: 'Дело закроется незавершённым: открытые задачи снимаются, направления отзываются.',
      },
      reopen: {
        title: 'Открыть дело снова',
        confirm: 'Дело начнётся с шага, который указан в процессе, и задачи этого шага будут поставлены снова.',
      },
    },
  },
  en: {
    families: 'Families',
    findFamily: 'Number of the family, name, telephone or IIN',
    askForFamily: 'Look for a family by name, telephone number or its number.',
    casesOfFamily: 'Cases of the family',
    noCases: 'This family has no case yet.',
    newFamily: 'Enter a new family and open a case',
    newFamilyConfirm: 'Search first: the family may be recorded already. The case opens at once, with its tasks.',
    openCase: 'Open a case',
    openConfirm: 'A case of the family opens, and its first tasks are given at once.',
    act: {
      suspend: {
        title: 'Suspend the case',
        confirm:
          'Until it is resumed its clock stands still and its tasks cannot be answered. What partners answer is kept.',
      },
      resume: {
        title: 'Resume the case',
        confirm: 'What is due moves by as long as the case stood still; answers that came meanwhile are taken.',
      },
      cancel: {
        title: 'Cancel the case',
        confirm: 'The case closes unfinished: its open tasks go, its hand-offs are recalled.',
      },
      reopen: {
        title: 'Reopen the case',
        confirm: 'The case goes on at the step that its workflow names, whose tasks are given again.',
      },
    },
  },
};
