// One WebSocket: JSON objects in and out, and whether the server still answers.

import { server } from "./servers.js";

const SUBPROTOCOL = "backchannel.v1";
const SILENCE = 20_000; // ms without a message after which the server is asked for a sign of life
const CHECK = 5_000; // ms that it may take to answer when somebody comes back to the page
const OPENING = 10_000; // ms that connecting may take, and again the server's first words

function address() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${server()}/ws`;
}

export class Connection {
  #socket;
  #timer = null;
  #asked = false;
  #heard = 0;
  #kept = false; // whether silence is a sign that the connection is dead
  #onClose;

  /**
   * Connect.
   *
   * @param {function} onOpen - called when objects can be sent.
   * @param {function} onObject - called with each object that the server sends.
   * @param {function} onClose - called once, with the close code, when the connection is over.
   */
  constructor(onOpen, onObject, onClose) {
    this.#onClose = onClose;
    this.#socket = new WebSocket(address(), SUBPROTOCOL);
    this.#await(OPENING);
    this.#socket.onopen = () => {
      this.#await(OPENING);
      onOpen();
    };
    this.#socket.onmessage = (event) => {
      this.#alive();
      onObject(JSON.parse(event.data));
    };
    this.#socket.onclose = (event) => this.#end(event.code);
  }

  /** Send an object. What is sent on a connection that is over is lost. */
  send(object) {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify(object, wellFormed));
  }

  /** From now on, ask the silent server whether it lives. Not before it has let the page in. */
  keepAlive() {
    this.#kept = true;
    this.#alive();
  }

  /** Find out soon whether the server still answers: the machine may have slept. */
  check() {
    if (!this.#kept || this.#socket.readyState !== WebSocket.OPEN) return;
    if (performance.now() - this.#heard < CHECK) return;
    this.#ask(CHECK);
  }

  /** End the connection now. */
  close() {
    this.#socket.close(1000);
    this.#end(1000);
  }

  #alive() {
    this.#heard = performance.now();
    this.#asked = false;
    if (this.#kept) this.#await(SILENCE);
    else clearTimeout(this.#timer); // somebody is asked who they are
  }

  #await(patience) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silent(), patience);
  }

  #silent() {
    if (this.#kept && !this.#asked) this.#ask(SILENCE);
    else this.close();
  }

  #ask(patience) {
    this.#asked = true;
    this.send({ type: "ping", id: 1 });
    this.#await(patience);
  }

  #end(code) {
    clearTimeout(this.#timer);
    const tell = this.#onClose;
    this.#onClose = () => {};
    this.#socket.onmessage = null;
    tell(code);
  }
}

// Half a character, which a paste may hold, cannot be written in UTF-8.
function wellFormed(_, value) {
  return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value;
}
