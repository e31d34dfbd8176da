/** Boundaries: few, explained, checked by `npm run check`. */
const features = '^src/(?!statechart/|engine/|platform/)[^/]+/';

/** What features share on purpose: how a request is answered, who may what, and the files that a feature publishes. */
const published =
  '^src/(api|identity)/|\\.(service|module)\\.ts$|^src/(case-page/outline|consents/consent-(answer|statements)|families/vocabulary|handoffs/partners|services/service-source|workflows/(catalogue|deploy|inspect-beside|titles))\\.ts$';

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'a cycle hides which part knows which',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'statechart-is-pure',
      comment: 'a chart must run, be checked and be replayed without a database, a clock or a framework',
      severity: 'error',
      from: { path: '^src/statechart', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/', pathNot: '^src/statechart' },
    },
    {
      name: 'statechart-takes-few-libraries',
      comment: 'no I/O, no framework: only what parses and evaluates',
      severity: 'error',
      from: { path: '^src/statechart', pathNot: '\\.spec\\.ts$' },
      to: {
        dependencyTypes: ['npm'],
        pathNot: 'node_modules/(xstate|feelin|yaml|ajv|ajv-formats|luxon|canonicalize|@lezer)/',
      },
    },
    {
      name: 'engine-knows-no-feature',
      comment: 'so that it can run any workflow',
      severity: 'error',
      from: { path: '^src/engine', pathNot: '\\.spec\\.ts$' },
      to: { path: features },
    },
    {
      name: 'platform-is-below',
      comment: 'the database, the queues and the clock serve everyone and know nobody',
      severity: 'error',
      from: { path: '^src/platform', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/(?!platform/|config\\.ts$)' },
    },
    {
      name: 'features-keep-their-insides',
      comment: 'a feature can be rewritten without reading the others; what one gives to others stands in `published`',
      severity: 'error',
      from: { path: '^src/(?!statechart/|engine/|platform/|cli/)([^/]+)/', pathNot: '\\.spec\\.ts$' },
      to: { path: features, pathNot: [published, '^src/$1/'] },
    },
    {
      name: 'product-needs-no-demo',
      comment: 'sample data and simulators stay outside what runs in production; only the entry points may start them',
      severity: 'error',
      from: { path: '^src', pathNot: '(\\.spec\\.ts$|^src/(main|cli)\\.ts$)' },
      to: { path: '^(demo|test|bench)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
