/** The private socket of a child of the app server, by which the edge of the same supervisor reaches it. */
export interface ChildSocket {
  slot: number;
  path: string;
}
