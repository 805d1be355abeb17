/** How much a peer may say before it is not listened to for a while: token buckets for messages and for their bytes. */
export interface LinkRates {
  messagesPerS: number;
  bytesPerS: number;
  /** So many seconds' worth may come at once. */
  burstS: number;
}

export class LinkBudget {
  readonly #rates: LinkRates;
  #messages: number;
  #bytes: number;
  #filledAtMs: number;

  constructor(rates: LinkRates, nowMs: number) {
    this.#rates = rates;
    this.#messages = rates.messagesPerS * rates.burstS;
    this.#bytes = rates.bytesPerS * rates.burstS;
    this.#filledAtMs = nowMs;
  }

  /** One message was taken. It may be more than there is: then what comes next waits for longer. */
  take(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
  }

  /** Until when the next one has to wait; 0: it need not. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    const { messagesPerS, bytesPerS } = this.#rates;
    const lackingS = Math.max((1 - this.#messages) / messagesPerS, (1 - this.#bytes) / bytesPerS);
    return Math.max(0, Math.ceil(lackingS * 1000));
  }

  #fill(nowMs: number): void {
    const { messagesPerS, bytesPerS, burstS } = this.#rates;
    const passedS = Math.max(0, nowMs - this.#filledAtMs) / 1000;
    this.#filledAtMs = nowMs;
    this.#messages = Math.min(messagesPerS * burstS, this.#messages + messagesPerS * passedS);
    this.#bytes = Math.min(bytesPerS * burstS, this.#bytes + bytesPerS * passedS);
  }
}
