// Requests of which the newest of its kind wins, and errors that say what to do.

const MOST = 3; // times that it asks again where a request was overtaken
const WAIT_MS = 100;

/** What the server refused: code, message, hint. */
export class Refused extends Error {
  constructor(status, {code = "", title = "", hint = ""} = {}) {
    super(title || `the server answered ${status}`);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** Requests of one page: `get(kind, ...)` gives up the one before of the same kind. */
export class Requests {
  #running = new Map();
  #view = `p${Math.random().toString(36).slice(2, 12)}`;

  constructor(api) {
    this.api = api;
  }

  /** Return the answer as a value; null where a newer request of this kind took its place. */
  async get(kind, query) {
    this.#running.get(kind)?.control.abort();
    const own = {control: new AbortController(), query: query.toString()};
    this.#running.set(kind, own);
    const newest = () => this.#running.get(kind) === own;
    try {
      for (let again = 0; newest(); again++) {
        const [status, body] = await this.#ask(kind, query, own.control.signal);
        if (!newest()) return null;
        if (status === 200) return body;
        if (status !== 409 || again === MOST) throw new Refused(status, body);
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS)); // an older one that came after it took its place
      }
      return null;
    } catch (error) {
      if (own.control.signal.aborted) return null;
      if (error instanceof Refused) throw error;
      throw new Refused(0, {title: "the server cannot be reached", hint: "is it running? try again"});
    } finally {
      if (newest()) this.#running.delete(kind);
    }
  }

  /** Whether this very answer is still to come. */
  asking(kind, query) {
    return this.#running.get(kind)?.query === query.toString();
  }

  async #ask(kind, query, signal) {
    const asked = new URLSearchParams(query);
    asked.set("view", `${this.#view}-${kind}`);
    const answer = await fetch(`${this.api}/${kind}?${asked}`, {signal, headers: {accept: "application/json"}});
    return [answer.status, await answer.json().catch(() => ({}))];
  }

  /** Whether an answer of a kind is still to come. */
  waiting(kind) {
    return this.#running.has(kind);
  }
}
