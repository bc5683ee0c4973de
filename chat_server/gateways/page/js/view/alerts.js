// What tells somebody who looks elsewhere: the title, the icon, a sound, a notification.

import { byId } from "../dom.js";
import { Room } from "../state/room.js";
import { shown } from "../state/text.js";

/** Why this browser shows no notifications here; "" if it can. */
export function noNotifications() {
  if (!window.isSecureContext) {
    return "The browser allows notifications only on https, or on the server's own machine. Title, icon and sound work.";
  }
  if (!("Notification" in window)) return "This browser has no notifications.";
  if (Notification.permission === "denied") return "Notifications are blocked for this page in the browser's settings.";
  return "";
}

export class Alerts {
  #store;
  #settings;
  #audio = null;
  #look;

  /** `look` shows a place. */
  constructor(store, settings, look) {
    this.#store = store;
    this.#settings = settings;
    this.#look = look;
    for (const event of ["places", "place"]) store.on(event, () => this.#showTitle());
    store.on("heard", (place, message, named) => this.#hear(place, message, named));
    store.on("hand", (room, nick, question) => this.#tell(room, `${nick} raised a hand in #${room.name}`, question));
  }

  /** Ring once. */
  ring() {
    this.#audio ??= new AudioContext();
    this.#audio.resume();
    const [tone, volume] = [this.#audio.createOscillator(), this.#audio.createGain()];
    const now = this.#audio.currentTime;
    tone.frequency.setValueAtTime(784, now);
    tone.frequency.setValueAtTime(1047, now + 0.09);
    volume.gain.setValueAtTime(0.12, now);
    volume.gain.exponentialRampToValueAtTime(0.001, now + 0.35);
    tone.connect(volume).connect(this.#audio.destination);
    tone.start(now);
    tone.stop(now + 0.36);
  }

  #showTitle() {
    const { places, current } = this.#store;
    const count = places.reduce((sum, place) => sum + place.unread, 0);
    const named = places.some((place) => place.mentioned);
    const name = current ? `${shown(current.key)} – Backchannel` : "Backchannel";
    document.title = count ? `(${count}${named ? "!" : ""}) ${name}` : name;
    const icon = count ? "/assets/icon-news.svg" : "/assets/icon.svg";
    const link = byId("favicon");
    if (link.getAttribute("href") !== icon) link.setAttribute("href", icon);
  }

  #hear(place, message, important) {
    const sound = this.#settings.get("sound");
    const looked = this.#store.visible && place === this.#store.current;
    if (sound === "all" || (important && sound === "on" && !looked)) this.ring();
    if (!important || looked) return;
    const where = place instanceof Room ? ` in #${place.name}` : "";
    this.#tell(place, `${message.from}${where}`, message.text);
  }

  #tell(place, title, text) {
    if (this.#store.visible || !this.#settings.get("notifications") || noNotifications()) return;
    const notification = this.#notify(shown(title), { body: shown(text).slice(0, 200), tag: place.key });
    if (!notification) return;
    notification.onclick = () => {
      window.focus();
      this.#look(place);
      notification.close();
    };
  }

  #notify(title, options) {
    try {
      return new Notification(title, options);
    } catch {
      this.#settings.set("notifications", false); // Chrome on Android has them for other programs alone
      return null;
    }
  }
}
