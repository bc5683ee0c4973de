// Where the chat can be reached: the server of this page, and those that it names besides.

let hosts = [location.host];
let current = 0;

/** Ask the server of this page for the others. */
export async function learnServers() {
  try {
    const answer = await fetch("/also.json");
    if (answer.ok) hosts = [location.host, ...(await answer.json())];
  } catch {
    // it is gone, or an older one: there is this server alone
  }
}

/** Return the host and the port of the server to speak to. */
export function server() {
  return hosts[current];
}

/** Return how many servers there are. */
export function serverCount() {
  return hosts.length;
}

/** Speak to the next server from now on. */
export function nextServer() {
  current = (current + 1) % hosts.length;
}
