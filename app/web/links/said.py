"""What an approver is told when a decision cannot be taken as posted: behind a mail's link and when signed in."""

from typing import Final

from app.web.language import msgid

CHOOSE: Final = msgid("Choose what you decide.")
OPEN_TOO_LONG: Final = msgid("The page was open for too long. Look at the order again and choose once more.")
CHANGED: Final = msgid("The order was changed after you opened the page. Look at it again and choose once more.")
SAY_WHY: Final = msgid("Whoever does not approve says why: choose a reason and write a sentence.")
NOT_BACK: Final = msgid("The rules of this order do not let approvers send it back.")
