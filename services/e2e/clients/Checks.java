import java.util.function.BooleanSupplier;

/** Counts what a walk checks, and prints its findings: a name, a tab, and what was answered. */
class Checks {
  private final String client;
  private int made;

  Checks(String client) {
    this.client = client;
  }

  void expect(String what, BooleanSupplier holds, Object answer) {
    made++;
    boolean held;
    try {
      held = holds.getAsBoolean();
    } catch (RuntimeException e) { // such as of a value that is not there
      held = false;
      answer = answer + ": " + e;
    }
    if (!held) {
      find(what, String.valueOf(answer));
    }
  }

  void find(String what, String answer) {
    System.out.println(what + "\t" + answer.replaceAll("\\s+", " "));
  }

  /** Ends the walk; one that made few checks is a finding too. */
  void end(int least) {
    if (made < least) {
      find("the walk is whole", "it made only " + made + " checks");
    }
    System.err.println(client + ": " + made + " checks");
  }
}
