"""What tests share: real servers, and fakes that pass the same contract suites."""
