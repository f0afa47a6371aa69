"""What our mails say: templates and texts, in the receiver's language. Pure: rows and settings stay outside."""
