"""A poll that is open: who voted for what, and who may vote still."""

from dataclasses import dataclass, field

from chat_server.identity.participant import Participant
from chat_server.identity.store.records import KeptPoll, KeptVote
from chat_server.rooms.policy import PersonKey, person_key, person_keys
from protocol.errors import Code, ProtocolError

VOTES_LIMIT = 10_000
"""How many people may vote in a poll."""
ALL_VOTES_LIMIT = 50_000
"""How many votes are kept in all open polls: 20 MB. Beyond that, polls of fewer than SMALL_POLL
votes go on: so whoever fills the polls of some rooms keeps no class from voting in another.
"""
SMALL_POLL = 100


@dataclass(slots=True)
class OpenPoll:
    """An open poll.

    Attributes:
        kept: what the store has of it.
        votes: one for each person, by the hash of their session's secret.
        by_person: the same hashes, by person.
        voting: all names of those whose votes are being kept.
        is_ending: whether the result is being kept: nobody votes meanwhile.
        told: whether the counts are told as they are, or are about to be.
    """

    kept: KeptPoll
    votes: dict[bytes, KeptVote] = field(default_factory=dict)
    by_person: dict[PersonKey, bytes] = field(default_factory=dict)
    voting: set[PersonKey] = field(default_factory=set)
    is_ending: bool = False
    told: bool = True

    def vote_of(self, session: Participant) -> KeptVote | None:
        """Return somebody's vote. With a lock held: votes are moved from one device to another."""
        return self.find_vote(session.token, person_key(session))

    def find_vote(self, token: bytes, who: PersonKey) -> KeptVote | None:
        """Return the vote of a session; if it has none, of the person. As `vote_of`."""
        found = token if token in self.votes else self.by_person.get(who)
        return None if found is None else self.votes[found]

    def put(self, vote: KeptVote) -> None:
        """Count a vote, in place of that person's before."""
        before = self.find_vote(vote.token, vote.who)
        if before is not None:
            del self.votes[before.token]
            self.by_person.pop(before.who, None)
        self.votes[vote.token] = vote
        self.by_person[vote.who] = vote.token

    def check_vote(self, before: KeptVote | None, choice: int, everywhere: int) -> None:
        """See that somebody may vote for an option, whose vote was `before`.

        Args:
            before: the vote so far, if there is one.
            choice: the number of the option.
            everywhere: how many votes there are in all open polls.

        Raises:
            ProtocolError: `bad_request`: there is no such option;
                `unavailable`: too many have voted.
        """
        count = len(self.kept.options)
        if choice > count:
            raise ProtocolError(
                Code.BAD_REQUEST, f"the poll has {count} options: there is no number {choice}"
            )
        if before is not None:
            return
        votes = len(self.votes) + len(self.voting)
        if votes >= VOTES_LIMIT:
            raise ProtocolError(
                Code.UNAVAILABLE, f"{VOTES_LIMIT} people have voted, the most who may"
            )
        if everywhere >= ALL_VOTES_LIMIT and votes >= SMALL_POLL:
            raise ProtocolError(
                Code.UNAVAILABLE,
                f"{ALL_VOTES_LIMIT} votes are kept in all open polls, the most there may be: vote "
                "when another poll has ended",
            )

    def counts(self) -> list[int]:
        """Return how many voted for each option."""
        counts = [0] * len(self.kept.options)
        for vote in self.votes.values():
            counts[vote.choice - 1] += 1
        return counts

    def is_asked_by(self, session: Participant) -> bool:
        """Whether it is somebody's."""
        return self.kept.token == session.token or self.kept.who in person_keys(session)
