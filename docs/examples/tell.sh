#!/bin/sh
# A command for [[hook]]: writes changes of the role and of servers to the system's log.
#
# The event is in the environment, and as one line of JSON on standard input; docs/operations.md
# describes both. Install it as /usr/local/bin/tell, with mode 0755.
set -eu

case "$TANDEM_EVENT" in
    role.*)
        logger -t tandem-tell "$TANDEM_EVENT_NODE: $TANDEM_EVENT_WHAT ($TANDEM_EVENT_WHY)" ;;
    server.*)
        logger -t tandem-tell \
            "$TANDEM_EVENT_FIELD_SERVER of $TANDEM_EVENT_FIELD_SERVICE: $TANDEM_EVENT" ;;
    *)
        logger -t tandem-tell "$TANDEM_EVENT: $TANDEM_EVENT_WHAT" ;;
esac
