"""Deciding, and choosing a password, by the link of a mail, without an account's session.

Programs that read mails fetch every link, run its scripts and submit its forms. So opening shows and nothing more, the
page has no script, and its form as it stands says neither yes nor no."""
