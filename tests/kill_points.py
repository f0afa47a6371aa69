"""Every point at which a test kills the process (app.errors.kill_point), by what is done there."""

INTAKE = ("intake.before_record", "intake.recorded", "receive.judged", "receive.before_commit", "receive.committed")
DELIVERY = ("delivery.before_sending", "delivery.after_sending", "delivery.after_request", "delivery.after_mark")
REPLY = ("reply.before_sending", "reply.after_sending", "reply.after_request", "reply.after_mark")
MAIL = ("mail.after_sending", "mail.after_request")
ROTATION = ("rotation.batch",)
