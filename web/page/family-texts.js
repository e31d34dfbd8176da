/** What the page says about a family's consents and certificates, in each language. */
export const FAMILY_TEXTS = {
  kk: {
    consents: 'Отбасының келісімдері',
    consentsGiven: (given, all) => `берілгені: ${given} / ${all}`,
    consent: { given: 'Берілген', none: 'Берілмеген', withdrawn: 'Қайтарып алынған' },
    consentWay: {
      form: 'тапсырма нысанында',
      paper: 'қағаз жүзінде',
      'in-person': 'өзі келіп айтты',
      phone: 'телефон арқылы',
      electronic: 'электронды түрде',
    },
    consentHow: 'Отбасы қалай білдірді',
    giveConsent: 'Келісімді енгізу',
    giveConsentConfirm:
      'Отбасының деректері осы серіктеске берілуі мүмкін. Келісімді күтіп тұрған жолдамалар жіберіледі.',
    withdrawConsent: 'Келісімді қайтарып алу',
    withdrawConsentConfirm:
      'Осы серіктестегі ашық жолдамалар кері қайтарылады, жаңа келісімге дейін оған ештеңе жіберілмейді. Отбасының істері мұны ескереді.',
    certificates: 'Сертификаттар',
    certificate: { valid: 'Жарамды', revoked: 'Күші жойылған' },
    issued: 'Берілді',
    replaced: 'орнына түзетілгені берілді',
  },
  ru: {
    consents: 'Согласия семьи',
    consentsGiven: (given, all) => `дано ${given} из ${all}`,
    consent: { given: 'Дано', none: 'Не дано', withdrawn: 'Отозвано' },
    consentWay: {
      form: 'в форме задачи',
      paper: 'на бумаге',
      'in-person': 'лично',
      phone: 'по телефону',
      electronic: 'в электронном виде',
    },
    consentHow: 'Как семья об этом сообщила',
    giveConsent: 'Внести согласие',
    giveConsentConfirm:
      'Данные семьи можно будет передавать этому партнёру. Направления, которые ждут согласия, уйдут.',
    withdrawConsent: 'Внести отзыв согласия',
    withdrawConsentConfirm:
      'Открытые направления этому партнёру будут отозваны, и до нового согласия ему ничего не отправят. Дела семьи это учтут.',
    certificates: 'Сертификаты',
    certificate: { valid: 'Действителен', revoked: 'Отозван' },
    issued: 'Выдан',
    replaced: 'вместо него выдан исправленный',
  },
  en: {
    consents: "The family's consents",
    consentsGiven: (given, all) => `${given} of ${all} given`,
    consent: { given: 'Given', none: 'Not given', withdrawn: 'Withdrawn' },
    consentWay: {
      form: "in a task's form",
      paper: 'on paper',
      'in-person': 'in person',
      phone: 'by phone',
      electronic: 'electronically',
    },
    consentHow: 'How the family let us know',
    giveConsent: 'Enter a consent',
    giveConsentConfirm: "The family's data may go to this partner. Hand-offs that wait for the consent are sent.",
    withdrawConsent: 'Enter a withdrawal',
    withdrawConsentConfirm:
      'Open hand-offs to this partner are recalled, and nothing is sent to it until there is a new consent. The cases of the family take it into account.',
    certificates: 'Certificates',
    certificate: { valid: 'Valid', revoked: 'Revoked' },
    issued: 'Issued',
    replaced: 'a corrected one was issued in its place',
  },
};
