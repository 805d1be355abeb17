#!/bin/sh
# Dynamic inventory without pip: the instances that have the tag "trivet", in groups by their other tags.
exec trivet inventory "$@"
