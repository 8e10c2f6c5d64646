"""Judgement, pure: values in, values out; no network, disk access or clock."""
