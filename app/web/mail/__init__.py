"""The page of mails that were sent and of alerts that were raised."""
