/** The store did not do what was asked: not reachable, refused, or full. Says whether asking again may help. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly retryable: boolean;

  constructor(sentence: string, retryable: boolean, options?: ErrorOptions) {
    super(sentence, options);
    this.retryable = retryable;
  }
}
