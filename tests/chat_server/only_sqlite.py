"""What cannot hold in a run with `--log redis`, and why: those tests are skipped there.

Each name is a file in `tests/chat_server`, or one of its tests. `tests/support/test_engine.py` sees
that all of them are there.
"""

ONLY_SQLITE: dict[str, tuple[str, ...]] = {
    "on Redis the votes that come together are one write: see test_joined_writes.py": (
        "moderation/test_polls.py::test_votes_of_one_moment_share_a_commit",
    ),
    "it writes, reads or holds up the files of SQLite's history itself": (
        "admin/test_remove_room.py::test_a_moderator_who_acts_on_it_meanwhile",
        "admin/test_remove_room.py::test_a_request_that_is_sent_again",
        "admin/test_remove_room.py::test_all_that_is_kept_of_it_goes",
        "admin/test_remove_room.py::test_its_numbers_go_on_after_a_restart",
        "admin/test_remove_room.py::test_what_cannot_be_deleted_stays_whole",
        "admin/test_remove_room.py::test_when_the_disk_is_full",
        "admin/test_remove_room.py::test_who_comes_meanwhile_waits",
        "admin/test_remove_room.py::test_who_waited_is_bound_by_no_old_rules",
        "delivery/test_fanout.py::test_a_commit_that_fails_is_told_to_each_talker",
        "delivery/test_fanout.py::test_one_client_has_only_so_much_waiting_in_all_rooms",
        "delivery/test_fanout.py::test_rooms_that_wait_are_stored_in_one_transaction",
        "moderation/test_people_actions.py::test_of_who_is_banned_nothing_is_kept",
        "test_security.py::test_a_copy_that_was_put_back_is_private_again",
        "test_security.py::test_files_are_private_whatever_the_umask",
        "test_security.py::test_sessions_that_said_nothing_are_forgotten_while_it_runs",
    ),
    "Redis keeps the nick of who was lost by its own clock, also while a server is restarted": (
        "admin/test_commands.py::test_an_account_that_was_removed_does_not_come_back",
        "admin/test_remove_room.py::test_its_rules_go_with_it",
        "moderation/test_room_actions.py::"
        "test_acts_at_the_same_moment_leave_memory_and_store_alike",
        "requests/talk/test_direct.py::test_it_survives_a_restart",
        "requests/talk/test_direct.py::test_who_wants_none_gets_none",
        "requests/test_membership.py::test_the_seq_goes_on_after_a_restart",
        "rooms/people/test_nicks.py::test_a_nick_is_kept_for_two_minutes_when_its_owner_vanished",
        "rooms/people/test_nicks.py::test_who_comes_back_under_another_nick_frees_the_one_before",
        "rooms/test_directory.py::test_an_empty_topic_clears_the_topic",
        "rooms/test_directory.py::test_rooms_and_topics_outlive_a_restart",
        "storage/test_data_folder.py::test_a_corrupt_search_index_is_made_again",
        "storage/test_data_folder.py::test_an_empty_database_file_is_a_new_one",
        "storage/test_dates.py::test_the_days_that_the_server_was_off_count_after_some_hours",
        "storage/test_maintenance.py::test_a_log_that_is_gone_altogether_goes_on",
        "storage/test_maintenance.py::test_a_room_of_which_nothing_is_left_is_no_more",
    ),
    "it counts acts that share a commit; servers that share people write one after the other": (
        "requests/in_charge/test_acting.py::"
        "test_an_act_holds_no_lock_and_comes_ahead_of_what_the_next_connection_says",
        "delivery/test_late_messages.py::test_nobody_waits_while_others_leave_messages",
        "requests/talk/test_changes.py::test_changes_of_one_moment_share_a_commit",
    ),
    "`chat-server admin` reads, copies and puts back SQLite's history alone": (
        "admin/reports/test_attendance_report.py::test_after_a_crash",
        "admin/reports/test_audit_report.py::test_the_owner_reads_what_was_deleted",
        "admin/reports/test_poll_report.py::test_what_ended_is_written",
        "admin/reports/test_transcripts.py::test_a_transcript_has_the_latest_state",
        "admin/reports/test_transcripts.py::test_while_the_server_runs",
        "admin/test_backup.py::test_a_server_starts_on_the_copy",
        "admin/test_backup.py::test_a_session_goes_on_in_the_copy",
        "admin/test_backup.py::test_an_archive",
        "admin/test_backup.py::test_force_replaces_copies_only",
        "admin/test_backup.py::test_no_backup_has_the_owners_secret",
        "admin/test_backup.py::test_nothing_is_overwritten_without_force",
        "admin/test_backup.py::test_people_and_the_key_are_in_it",
        "admin/test_commands.py::test_announce",
        "storage/sqlite/test_incarnations.py",
    ),
    "a kick of an address gets `ok` also if nobody was there": (
        "moderation/test_targets.py::test_a_kick_of_nobody",
    ),
    "the owner's secret is made once for all servers, and anew while one of them runs": (
        "admin/test_commands.py::test_a_folder_that_has_a_hash_alone_needs_a_new_secret",
        "admin/test_commands.py::test_a_new_secret_of_the_owner",
        "admin/test_commands.py::test_an_account_that_is_called_like_an_address_can_be_removed",
        "identity/test_authentication.py::test_a_secret_that_nobody_saw_is_replaced",
    ),
    "messages are not on the disk of the server": (
        "test_security.py::test_the_last_of_the_disk_is_for_those_in_charge",
    ),
}
"""Names by reason."""

_REASONS = {name: reason for reason, names in ONLY_SQLITE.items() for name in names}

_PREFIX = "tests/chat_server/"


def why_only_sqlite(test: str) -> str | None:
    """Return why a test cannot hold on Redis; None if it can.

    Args:
        test: its node id, such as `tests/chat_server/test_cli.py::test_one[2]`.
    """
    name = test.removeprefix(_PREFIX).partition("[")[0]
    return _REASONS.get(name) or _REASONS.get(name.partition("::")[0])
