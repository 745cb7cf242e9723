/// Makes a module of `#[test]`s for each [`Contract`](crate::contract::Contract), one test for each rule.
///
/// | entry | tests |
/// |---|---|
/// | `name => contract` | what is asked of every layer |
/// | `one_at_a_time name => contract` | the same, and that all services of the layer have its limit of one together; what leaks shows at once |
/// | `refusing name => contract` | what is asked of a layer that refuses every call |
///
/// ```
/// use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
/// use watertight_testing::{contract::Contract, layer_contract_tests};
///
/// layer_contract_tests! {
///     many => Contract::plain(|| ConcurrencyLimitLayer::new(8)),
///     one_at_a_time one => Contract::plain(|| GlobalConcurrencyLimitLayer::new(1)),
/// }
/// ```
#[macro_export]
macro_rules! layer_contract_tests {
    () => {};
    (one_at_a_time $name:ident => $contract:expr $(, $($rest:tt)*)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $crate::__contract_tests!(every_layer, $contract);
            $crate::__contract_tests!(shared_limit, $contract);
        }
        $($crate::layer_contract_tests! { $($rest)* })?
    };
    (refusing $name:ident => $contract:expr $(, $($rest:tt)*)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $crate::__contract_tests!(refusing, $contract);
        }
        $($crate::layer_contract_tests! { $($rest)* })?
    };
    ($name:ident => $contract:expr $(, $($rest:tt)*)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $crate::__contract_tests!(every_layer, $contract);
        }
        $($crate::layer_contract_tests! { $($rest)* })?
    };
}

/// The tests of one set of rules, by the names that the rules have.
#[doc(hidden)]
#[macro_export]
macro_rules! __contract_tests {
    (every_layer, $contract:expr) => {
        $crate::__contract_tests! { EVERY_LAYER, $contract,
            the_readied_instance_is_the_one_that_is_called ReadiedInstance
            readiness_is_good_for_one_call OneCallPerReadiness
            readiness_lasts_until_the_call StickyReadiness
            a_clone_is_not_ready CloneIsNotReady
            a_pending_inner_service_is_waited_for_without_busy_polling PendingReadiness
            an_inner_readiness_error_is_preserved ReadinessError
            requests_and_responses_pass_unchanged PassesUnchanged
            an_inner_error_is_preserved InnerError
            the_inner_service_is_called_in_call CallInCall
            a_pending_call_is_woken_when_it_is_done PendingCall
            a_ready_service_that_is_dropped_leaks_nothing ReadyAndDropped
            a_call_dropped_before_its_first_poll_leaks_nothing DroppedUnpolled
            a_call_dropped_while_pending_leaks_nothing DroppedPending
            a_panic_in_call_propagates_and_leaks_nothing PanicInCall
            a_panic_in_the_future_propagates_and_leaks_nothing PanicInFuture
            it_works_over_a_concurrency_limit_of_one OverConcurrencyLimit
            it_works_over_a_buffer OverBuffer
            it_works_over_a_rate_limit OverRateLimit
        }
    };
    (shared_limit, $contract:expr) => {
        $crate::__contract_tests! { SHARED_LIMIT, $contract,
            all_services_of_a_layer_share_its_limit SharedLimit
        }
    };
    (refusing, $contract:expr) => {
        $crate::__contract_tests! { REFUSING, $contract,
            a_refusal_does_not_come_from_poll_ready RefusalInPollReady
            a_refused_call_is_answered_at_its_first_poll RefusalAtOnce
            a_refused_call_does_not_reach_the_inner_service RefusalReachesNobody
        }
    };
    ($set:ident, $contract:expr, $($test:ident $rule:ident)*) => {
        // A rule that has no test here would be checked by nobody.
        const _: () = assert!($crate::contract::Rule::$set.len() == [$(stringify!($rule)),*].len());
        $(
            #[test]
            fn $test() {
                let rule = $crate::contract::Rule::$rule;
                assert_eq!(rule.name(), stringify!($test));
                $contract.assert(rule);
            }
        )*
    };
}
