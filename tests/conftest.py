"""Settings for every test of the project."""

from hypothesis import HealthCheck, settings

# A deadline for each example says nothing on a machine that does other things at the same time;
# every test has its own timeout.
settings.register_profile(
    "backchannel",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("backchannel")
