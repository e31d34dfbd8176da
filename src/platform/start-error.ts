/**
 * What whoever starts us can put right: told in a sentence and without a stack. Says what happened, why and what to do;
 * never holds a password.
 */
export class StartError extends Error {
  constructor(
    /** Kebab-case, for programs. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StartError';
  }
}
